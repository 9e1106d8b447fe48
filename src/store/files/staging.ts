import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ulid } from 'ulid';
import { createFileDurably, makeFolder, syncFolder } from '../../lib/durable-write.ts';
import { encodeEnvelope, seal } from '../envelope.ts';
import { thisProcess } from '../process-identity.ts';
import { batchRecord, type ProcessIdentity, processIdentity } from '../record.ts';
import type { Staging } from '../store.ts';
import { createFileBlobs } from './blobs.ts';
import { type Layout, recordFolder } from './layout.ts';
import { readEnvelope } from './own-file.ts';
import { createRegister } from './register.ts';
import { inStore, linkInStore } from './store-failure.ts';

const ownerFile = (folder: string): string => join(folder, 'owner.json');

/** Whose a folder in staging is; null while (or because) that was never written. */
export async function readOwner(folder: string): Promise<ProcessIdentity | null> {
  return (await readEnvelope(ownerFile(folder), processIdentity))?.value ?? null;
}

/**
 * Makes `staging/<ulid>/`, with the owner's identity and, beside it, the folder that becomes the batch's.
 * A batch folder has a record from the moment it is seen, for that is written before the renaming.
 */
export async function createStaging(layout: Layout): Promise<Staging> {
  const name = ulid();
  const batchId = `batch_${name}`;
  const home = join(layout.staging, name);
  const folder = join(home, 'batch');
  const owner = ownerFile(home);
  const { temporary } = layout;
  await linkInStore(owner, async () => {
    await makeFolder(folder);
    await createFileDurably(owner, encodeEnvelope(owner, seal(thisProcess()), processIdentity), {
      temporary,
    });
  });

  const discard = () => inStore('write', home, () => rm(home, { recursive: true, force: true }));

  return {
    batchId,
    blobs: createFileBlobs({ folder, temporary: null }),
    discard,
    async commit(record) {
      const register = createRegister({ folder: recordFolder(folder), temporary, schema: batchRecord });
      await register.update(() => record);
      const target = layout.batch(batchId);
      await inStore('write', target, async () => {
        await syncFolder(folder);
        await makeFolder(dirname(target));
        await rename(folder, target);
        await Promise.all([syncFolder(dirname(target)), syncFolder(home)]);
      });
      await discard();
    },
  };
}
