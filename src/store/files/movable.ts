import { lstat, mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ulid } from 'ulid';
import { hasErrorCode } from '../../errors.ts';
import {
  createFileDurably,
  FILE_MODE,
  FOLDER_MODE,
  makeFolder,
  namesIn,
  syncFolder,
} from '../../lib/files/durable-write.ts';
import { createFileWriter } from '../../lib/files/file-writer.ts';
import { splitLines } from '../../lib/lines.ts';
import type { Movable, RegisterKind, RevisionText } from '../moving/movable.ts';
import { registerKinds } from '../moving/movable.ts';
import { isBatchId, isBlobName } from '../names.ts';
import { damaged } from '../stored-json.ts';
import { createFileBlobs } from './blobs.ts';
import { createMoveRegister, removeFolder } from './create-store.ts';
import { createLayout, type Layout, recordFolder } from './layout.ts';
import { openOwnFile, readOwnFile } from './own-file.ts';
import { readFrom } from './read-file.ts';
import { revisionNumbers, revisionPath } from './revisions.ts';
import { writeOwner } from './staging.ts';
import { inStore, storeFailure } from './store-failure.ts';

/** A file in place of the batches' folder, so that no server of any version can create a batch there. */
const NOTICE =
  'The batches of this data folder were moved to another store, or are being moved: see docs/team.md.\n';

/** The registers of a kind are folders in one folder; there is only one signing key. */
const folders: Record<Exclude<RegisterKind, 'signing key'>, string> = {
  submission: 'submissions',
  claim: 'claims',
  budget: 'budget',
  'written file': 'written-files',
  models: 'models',
  work: 'work',
};

/** The store in the data folder at `path`, as the source or the target of a copy. */
export function openMovableFolder(path: string): Movable {
  const layout = createLayout(path);
  const batchFolder = (batchId: string) => join(layout.closedBatches, batchId);
  const registerFolder = ({ kind, name }: { kind: RegisterKind; name: string }) =>
    kind === 'signing key' ? layout.signingKey : join(path, folders[kind], name);

  async function registersOf(kind: RegisterKind) {
    if (kind === 'signing key') {
      const isThere = (await revisionNumbers(layout.signingKey)).length > 0;
      return isThere ? [{ kind, name: 'links' }] : [];
    }
    const names = await inStore('read', path, () => namesIn(join(path, folders[kind])));
    return names.filter((name) => /^[\w-]+$/.test(name)).map((name) => ({ kind, name }));
  }

  return {
    place: path,
    state: createMoveRegister(layout),
    async isUsed() {
      const used = await Promise.all([
        idsIn(layout.batches),
        idsIn(layout.closedBatches),
        registersOf('claim'),
        registersOf('budget'),
      ]);
      return used.some((found) => found.length > 0);
    },
    close: () => inStore('write', layout.batches, () => close(layout)),
    // Summarizing ten thousand batches of a folder takes a second or two.
    summarize: async () => {},
    reopen: () => inStore('write', layout.batches, () => reopen(layout)),
    batchIds: () => idsIn(layout.closedBatches),
    removeBatch: (batchId) =>
      inStore('write', batchFolder(batchId), () => removeFolder(batchFolder(batchId), layout.trash)),

    batch(batchId) {
      const folder = batchFolder(batchId);
      return {
        revisions: () => revisionTexts(recordFolder(folder)),
        blobNames: async () =>
          (await inStore('read', folder, () => namesIn(folder))).filter(isBlobFile).toSorted(),
        blobs: createFileBlobs({ folder, temporary: layout.temporary }),
      };
    },

    async arrive(batchId) {
      const home = join(layout.staging, ulid());
      const folder = join(home, 'batch');
      await inStore('write', home, async () => {
        await makeFolder(layout.staging);
        await mkdir(home, { mode: FOLDER_MODE });
        await writeOwner(home);
        await mkdir(folder, { mode: FOLDER_MODE });
      });
      return {
        blobs: createFileBlobs({ folder, temporary: null }),
        commit: (revisions) =>
          inStore('write', home, async () => {
            for (const revision of revisions) await addRevision(recordFolder(folder), revision, layout);
            await syncFolder(folder);
            await removeFolder(batchFolder(batchId), layout.trash);
            await makeFolder(layout.closedBatches);
            await rename(folder, batchFolder(batchId));
            await syncFolder(layout.closedBatches);
            await rm(home, { recursive: true, force: true });
          }),
      };
    },

    registers: async () => (await Promise.all(registerKinds.map(registersOf))).flat(),
    register(name) {
      const folder = registerFolder(name);
      return {
        revisions: () => revisionTexts(folder),
        add: (revision) => inStore('write', folder, () => addRevision(folder, revision, layout)),
        remove: () => inStore('write', folder, () => removeFolder(folder, layout.trash)),
      };
    },

    async *audit() {
      const handle = await inStore('read', layout.audit, () => openOwnFile(layout.audit));
      if (handle === null) return;
      try {
        const pieces = readFrom(handle, 0, (error) => storeFailure('read', layout.audit, error));
        for await (const lines of splitLines(pieces)) for (const { bytes } of lines) yield bytes.toString();
      } finally {
        await handle.close();
      }
    },
    writeAudit: (lines) => inStore('write', layout.audit, () => writeAudit(layout, lines)),
  };
}

const isBlobFile = (name: string) => name !== 'record' && isBlobName(name);

const idsIn = (folder: string) =>
  inStore('read', folder, async () => {
    try {
      return (await namesIn(folder)).filter(isBatchId).toSorted();
    } catch (error) {
      // The notice is there instead.
      if (hasErrorCode(error, 'ENOTDIR')) return [];
      throw error;
    }
  });

async function revisionTexts(folder: string): Promise<RevisionText[]> {
  const revisions: RevisionText[] = [];
  for (const number of await revisionNumbers(folder)) {
    const file = revisionPath(folder, number);
    const text = await readOwnFile(file);
    if (text === null) throw damaged(file, 'it is missing');
    revisions.push({ number, text });
  }
  return revisions;
}

async function addRevision(
  folder: string,
  { number, text }: RevisionText,
  { temporary }: Layout,
): Promise<void> {
  await makeFolder(folder);
  await createFileDurably(revisionPath(folder, number), text, { temporary });
}

/** Repeats until the notice holds: an older server, which does not know it, may create the folder again. */
async function close({ batches, closedBatches }: Layout): Promise<void> {
  await makeFolder(dirname(closedBatches));
  for (;;) {
    await moveInto(closedBatches, batches);
    try {
      await writeFile(batches, NOTICE, { flag: 'wx', mode: FILE_MODE });
    } catch (error) {
      if (!hasErrorCode(error, 'EEXIST')) throw error;
      if (!(await lstat(batches)).isFile()) continue;
    }
    await syncFolder(dirname(batches));
    return makeFolder(closedBatches);
  }
}

async function reopen({ batches, closedBatches }: Layout): Promise<void> {
  if ((await statOf(batches))?.isFile()) await rm(batches);
  await moveInto(batches, closedBatches);
  await syncFolder(dirname(batches));
  await rm(dirname(closedBatches), { recursive: true, force: true });
}

/** Moves the contents of a folder; in one step if the target does not exist. */
async function moveInto(target: string, folder: string): Promise<void> {
  if (!(await statOf(folder))?.isDirectory()) return;
  if ((await statOf(target)) === undefined) return rename(folder, target);
  for (const name of await namesIn(folder)) await rename(join(folder, name), join(target, name));
  await rmdir(folder);
}

async function statOf(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function writeAudit({ audit, temporary }: Layout, lines: AsyncIterable<string>): Promise<void> {
  await makeFolder(temporary);
  const unfinished = join(temporary, ulid());
  const writer = await createFileWriter(unfinished);
  try {
    for await (const line of lines) await writer.write(`${line}\n`);
    await writer.finish();
    await rename(unfinished, audit);
    await syncFolder(dirname(audit));
  } finally {
    await writer.close();
    await rm(unfinished, { force: true });
  }
}
