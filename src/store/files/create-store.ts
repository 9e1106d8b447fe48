import { constants, lstatSync } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ulid } from 'ulid';
import type { z } from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { FILE_MODE, makeFolder, move, namesIn, syncFolder } from '../../lib/files/durable-write.ts';
import { closedFailure, type MoveState, moveState } from '../moving/movable.ts';
import { isBatchId, isHash } from '../names.ts';
import { createLocalPresence } from '../presence.ts';
import { type BatchRecord, recordOf } from '../record.ts';
import {
  budget,
  claim,
  keptWork,
  modelList,
  openQuestion,
  signingKey,
  submission,
  writtenFile,
} from '../shared-records.ts';
import type { AuditEntry, Register, Store } from '../store.ts';
import { damaged, unlessUnreadable } from '../stored-json.ts';
import { createFileBlobs } from './blobs.ts';
import { createLayout, type Layout, recordFolder } from './layout.ts';
import { openStored } from './own-file.ts';
import { createRegister } from './revisions.ts';
import { createStaging } from './staging.ts';
import { inStore, storeFailure } from './store-failure.ts';
import { createSummaries } from './summaries.ts';
import { sweep } from './sweep.ts';

export type StoreOptions = {
  /** Absolute path of the data folder; made when something is first written. */
  path: string;
  /** Is told what could not be swept. */
  log: (message: string) => void;
};

/** A store in a folder that any number of processes can share. Creating it does not touch the disk. */
export function createStore({ path, log }: StoreOptions): Store {
  const layout = createLayout(path);
  const ifOpen = <T>(work: () => Promise<T>) => whileOpen(path, layout, work);

  function register<T>(folder: string, schema: z.ZodType<T>, summedAs?: string): Register<T> {
    return createRegister({ folder, schema, temporary: layout.temporary, summedAs });
  }

  /** A batch is never visible without its record. If the record is missing it was lost, which must not look like "no such batch". */
  function record(batchId: string): Register<BatchRecord> {
    const folder = layout.batch(batchId);
    const found = register(recordFolder(folder), recordOf(batchId), batchId);
    const orLost = async (value: BatchRecord | null) => {
      if (value !== null || !(await isThere(folder))) return value;
      // The batch may have appeared between the two looks.
      const again = await found.read();
      if (again === null) throw damaged(recordFolder(folder), 'it is missing or empty');
      return again;
    };
    return {
      ...found,
      read: () => ifOpen(async () => orLost(await found.read())),
      update: (change) => ifOpen(async () => orLost(await found.update(change))),
    };
  }

  return {
    place: path,
    agenda: null,
    presence: createLocalPresence(),
    turns: null,
    async stage() {
      const staging = await ifOpen(() => createStaging(layout));
      return { ...staging, commit: (first) => ifOpen(() => staging.commit(first)) };
    },
    record,
    blobs: (batchId) => createFileBlobs({ folder: layout.batch(batchId), temporary: layout.temporary }),
    submission: (contentHash) => register(layout.submission(contentHash), submission, contentHash),
    async isSubmitted(batchId) {
      const hashes = await inStore('read', layout.submissions, () => namesIn(layout.submissions));
      for (const hash of hashes.filter(isHash)) {
        const named = await unlessUnreadable(() => register(layout.submission(hash), submission).history());
        if (named?.some(({ value }) => value.batch_id === batchId)) return true;
      }
      return false;
    },
    writtenFile: (file) => register(layout.writtenFile(file), writtenFile),
    budget: (day) => register(layout.budget(day), budget, day),
    signingKey: () => register(layout.signingKey, signingKey),
    models: (hash) => register(layout.models(hash), modelList),
    work: (workId) => register(layout.work(workId), keptWork),
    question: (questionId) => register(layout.question(questionId), openQuestion),
    claim: (providerBatchId) => register(layout.claim(providerBatchId), claim),
    audit: (entry) => appendAudit(layout.audit, entry),
    sweep: () => inStore('write', layout.staging, () => sweep(layout, log)),

    batchIds: () =>
      ifOpen(() =>
        inStore('read', layout.batches, async () => {
          // A ULID begins with its time, so the order of names is the order of creation.
          return (await namesIn(layout.batches)).filter(isBatchId).sort().reverse();
        }),
      ),

    summaries: (summary) =>
      createSummaries(summary, {
        path: layout.cache(summary.name),
        folder: (batchId) => recordFolder(layout.batch(batchId)),
        read: (batchId) => record(batchId).read(),
        log,
      }),

    async removeBatch(batchId) {
      const folder = layout.batch(batchId);
      await ifOpen(() => inStore('write', folder, () => removeFolder(folder, layout.trash)));
    },
  };
}

/** How far the store's move to another store has come. */
export function createMoveRegister({ move, temporary }: Layout): Register<MoveState> {
  return createRegister({ folder: move, temporary, schema: moveState });
}

/**
 * Does one thing with the batches of the store at `place`. If the store is closed by then, throws `store_failed` instead of the outcome.
 * A store is marked as closed before its batches are taken away, so what an open store does not find is really not there.
 */
export async function whileOpen<T>(place: string, layout: Layout, work: () => Promise<T>): Promise<T> {
  const [outcome] = await Promise.allSettled([work()]);
  const failure = await findClosed(place, layout);
  if (failure !== null) throw failure;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

async function findClosed(place: string, layout: Layout) {
  try {
    // Synchronous: by the thread pool it would take ten times as long, and hardly any store was ever moved.
    if (lstatSync(layout.move, { throwIfNoEntry: false }) === undefined) return null;
  } catch (error) {
    throw storeFailure('read', layout.move, error);
  }
  return closedFailure(place, await createMoveRegister(layout).read());
}

/** Removes a folder, renaming it first so that nobody ever sees half a batch. */
export async function removeFolder(folder: string, trash: string): Promise<void> {
  await makeFolder(trash);
  const unseen = join(trash, ulid());
  try {
    await move(folder, unseen);
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return;
    throw error;
  }
  await syncFolder(dirname(folder));
  await rm(unseen, { recursive: true, force: true });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw storeFailure('read', path, error);
  }
}

/** Appends a line to a file that is never shortened. Short lines are written in one piece. */
async function appendAudit(path: string, entry: AuditEntry): Promise<void> {
  await inStore('write', path, async () => {
    await makeFolder(dirname(path));
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY;
    const handle = await openStored(path, flags, FILE_MODE);
    try {
      await handle.appendFile(`${JSON.stringify(entry)}\n`);
    } finally {
      await handle.close();
    }
  });
}
