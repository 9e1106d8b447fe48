import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createFolderObjects } from '../../../src/store/objects/folder.ts';
import type { Objects } from '../../../src/store/objects/objects.ts';
import { cachedObjects } from '../../../src/store/objects/open-objects.ts';
import { createS3Objects, type S3ObjectsOptions } from '../../../src/store/s3/objects.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { type S3Options, type S3Server, startS3 } from '../s3/s3-server.ts';

/** What a program opens the bucket of a server with; its parts are small, and its patience is short. */
export function optionsFor({ endpoint, bucket, region, key }: S3Server): S3ObjectsOptions {
  return {
    ...key,
    region,
    address: `${endpoint}/${bucket}/`,
    prefix: 'team/',
    place: `s3://${bucket}/team`,
    partBytes: 1024 * 1024,
    patience: { pauseMs: 5 },
  };
}

export async function bucketOf(options?: S3Options): Promise<{ s3: S3Server; objects: Objects }> {
  const s3 = await startS3(options);
  return { s3, objects: createS3Objects(optionsFor(s3)) };
}

export async function folderObjects(): Promise<{ root: string; objects: Objects }> {
  const root = path.join(await temporaryFolder(), 'shared');
  await mkdir(root);
  return { root, objects: createFolderObjects(root) };
}

export async function cachedBucket(limitBytes: number, options?: S3Options) {
  const { s3, objects: origin } = await bucketOf(options);
  const folder = path.join(await temporaryFolder(), 'cache');
  const logged: string[] = [];
  const objects = cachedObjects(origin, { folder, limitBytes, log: (message) => logged.push(message) });
  return { s3, objects, folder, logged };
}

/** Each kind of place for the bytes of blobs. */
export const kindsOfObjects: Readonly<Record<string, () => Promise<Objects>>> = {
  'a bucket': async () => (await bucketOf()).objects,
  'a bucket with copies on this machine': async () => (await cachedBucket(100_000_000)).objects,
  'a shared folder': async () => (await folderObjects()).objects,
};
