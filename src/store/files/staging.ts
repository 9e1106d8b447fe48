import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { FILE_MODE, FOLDER_MODE, makeFolder, move, syncFolder } from '../../lib/files/durable-write.ts';
import { decodeEnvelope, encodeEnvelope, seal } from '../envelope.ts';
import { type ProcessIdentity, processIdentity, thisProcess } from '../process-identity.ts';
import { batchRecord } from '../record.ts';
import type { Staging } from '../store.ts';
import { createFileBlobs } from './blobs.ts';
import { type Layout, recordFolder } from './layout.ts';
import { readOwnFile } from './own-file.ts';
import { createRegister } from './revisions.ts';
import { inStore } from './store-failure.ts';

const ownerFile = (folder: string): string => join(folder, 'owner.json');

/** The owner of a folder in staging; null if it was not written yet, or never. */
export async function readOwner(folder: string): Promise<ProcessIdentity | null> {
  const path = ownerFile(folder);
  const text = await readOwnFile(path);
  return text === null || text === '' ? null : decodeEnvelope(path, text, processIdentity).value;
}

/** Makes this process the owner of a folder in staging. */
export async function writeOwner(folder: string): Promise<void> {
  const owner = ownerFile(folder);
  await writeFile(owner, encodeEnvelope(owner, seal(thisProcess()), processIdentity), { mode: FILE_MODE });
}

/**
 * Makes `staging/<ulid>/`, with the owner's identity and, beside it, the folder that becomes the batch's.
 * The record is written before that folder is moved to its place, so a batch is never visible without one. Until then only
 * the blobs need to survive a power cut.
 */
export async function createStaging(layout: Layout): Promise<Staging> {
  const name = ulid();
  const batchId = `batch_${name}`;
  const home = join(layout.staging, name);
  const folder = join(home, 'batch');
  await inStore('write', ownerFile(home), async () => {
    await makeFolder(layout.staging);
    await mkdir(home, { mode: FOLDER_MODE });
    await writeOwner(home);
    await mkdir(folder, { mode: FOLDER_MODE });
  });

  const discard = () => inStore('write', home, () => rm(home, { recursive: true, force: true }));

  return {
    batchId,
    blobs: createFileBlobs({ folder, temporary: null }),
    discard,
    async commit(record) {
      const { temporary } = layout;
      const register = createRegister({
        folder: recordFolder(folder),
        temporary,
        schema: batchRecord,
        summedAs: batchId,
      });
      // This also syncs the names of the blobs, which are in the same folder.
      await register.update(() => record);
      const target = layout.batch(batchId);
      await inStore('write', target, async () => {
        await makeFolder(layout.batches);
        await move(folder, target);
        await syncFolder(layout.batches);
      });
      await discard();
    },
  };
}
