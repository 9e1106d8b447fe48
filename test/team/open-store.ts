import { createFolderObjects } from '../../src/store/objects/folder.ts';
import type { BlobsAddress } from '../../src/store/objects/open-objects.ts';
import { createStore as createTeamStore, type StoreSettings } from '../../src/store/postgres/open-store.ts';
import { createS3Objects } from '../../src/store/s3/objects.ts';

type Settings = Omit<StoreSettings, 'nextLook' | 'aliveMs'> & { blobs?: BlobsAddress };

/** The store as the contract opens it, here or in a process of its own: every batch is due at once. */
export function createStore({ blobs, ...settings }: Settings) {
  const objects = blobs === undefined ? {} : { objects: objectsAt(blobs) };
  const nextLook = () => ({ inMs: 0, subject: '' });
  return createTeamStore({ ...settings, ...objects, aliveMs: 30_000, nextLook });
}

function objectsAt(blobs: BlobsAddress) {
  return blobs.kind === 'folder' ? createFolderObjects(blobs.path) : createS3Objects(blobs);
}
