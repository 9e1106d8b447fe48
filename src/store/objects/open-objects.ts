import type { S3ObjectsOptions } from '../s3/objects.ts';
import { type CacheOptions, cachedObjects } from './cache.ts';
import type { Objects } from './objects.ts';

/** Where the bytes of blobs are kept, beside the database that holds their names. */
export type BlobsAddress =
  | { kind: 'folder'; path: string; place: string }
  | ({ kind: 's3' } & S3ObjectsOptions);

/** Opens what an address names, with copies on this machine where they save time. Nothing is asked of it yet. */
export async function openObjects(address: BlobsAddress, cache: CacheOptions): Promise<Objects> {
  if (address.kind === 'folder') {
    const { createFolderObjects } = await import('./folder.ts');
    return createFolderObjects(address.path);
  }
  const { createS3Objects } = await import('../s3/objects.ts');
  const { kind: _kind, ...options } = address;
  const objects = createS3Objects(options);
  return cache.limitBytes === 0 ? objects : cachedObjects(objects, cache);
}
