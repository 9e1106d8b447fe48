import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { monotonicFactory } from 'ulid';
import * as z from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { makeFolder, syncFolder } from '../../lib/files/durable-write.ts';
import { readRegularFile } from '../../lib/files/regular-file.ts';
import { BATCH_ID_PREFIX, type Cancellation, finishedBy, type SandboxBatch } from './batch-state.ts';
import { openPromptCache } from './prompt-cache.ts';
import { receiveBody } from './receive.ts';
import { encodeIndex, readIndex } from './request-scanner.ts';
import type { Refusal } from './wire-answer.ts';

/** A batch received and checked, that does not exist until it is committed. */
type ReceivedBatch = { ok: true; commit(): Promise<SandboxBatch>; discard(): Promise<void> };

/** The batches of a folder. Every process on that folder sees the same ones. */
export type BatchFolder = {
  receive(body: AsyncIterable<Buffer>): Promise<ReceivedBatch | Refusal>;
  find(id: string): Promise<SandboxBatch | null>;
  /** Newest first. */
  ids(): Promise<string[]>;
  cancellation(id: string): Promise<Cancellation | null>;
  /** Cancels a batch in progress; the first cancellation holds. */
  cancel(batch: SandboxBatch): Promise<Cancellation>;
  remove(id: string): Promise<void>;
  /** The files that results are made from. */
  files(id: string): { body: string; index: string };
};

const RECEIVING_PREFIX = '.receiving-';
const ABANDONED_MS = 60 * 60 * 1000;

const madeFile = z.object({
  createdAt: z.number(),
  seconds: z.number(),
  requestCount: z.int(),
  erroredCount: z.int(),
  warm: z.array(z.string()).optional(),
});
const cancellationFile = z.object({ at: z.number(), finished: z.int(), erroredCount: z.int() });

/** Opens the folder at `root`; its batches take `seconds` each. */
export async function openBatchFolder(root: string, seconds: number): Promise<BatchFolder> {
  const nextUlid = monotonicFactory();
  const folder = (id: string) => path.join(root, id);
  const files = (id: string) => ({
    body: path.join(folder(id), 'requests.json'),
    index: path.join(folder(id), 'requests.idx'),
    made: path.join(folder(id), 'batch.json'),
    cancellation: path.join(folder(id), 'cancel.json'),
  });

  const cache = await openPromptCache(path.join(root, 'cache'));
  await makeFolder(root);
  await removeAbandoned(root);

  const cancellation = (id: string) => readJson(files(id).cancellation, cancellationFile);

  return {
    files,
    cancellation,

    async receive(body) {
      const receiving = `${RECEIVING_PREFIX}${nextUlid()}`;
      const discard = () => rm(folder(receiving), { recursive: true, force: true });
      await mkdir(folder(receiving), { mode: 0o700 });
      const received = await receiveBody(body, files(receiving).body).catch(async (error: unknown) => {
        await discard();
        throw error;
      });
      if (!received.ok) {
        await discard();
        return received;
      }
      const { index, prompts } = received;
      const commit = async () => {
        // The id is made now: one made when the body began to come in could be older than one listed meanwhile.
        const createdAt = Date.now();
        const id = BATCH_ID_PREFIX + nextUlid(createdAt);
        const erroredCount = index.filter(({ valid }) => !valid).length;
        const warm = await cache.take(prompts, createdAt, createdAt + seconds * 1000);
        const made = { createdAt, seconds, requestCount: index.length, erroredCount, warm };
        await writeOnce(files(receiving).index, encodeIndex(index));
        await writeOnce(files(receiving).made, JSON.stringify(made));
        await rename(folder(receiving), folder(id));
        await syncFolder(root);
        return { id, ...made };
      };
      return { ok: true, commit, discard };
    },

    async find(id) {
      if (!/^msgbatch_sandbox_[0-9A-Z]{26}$/.test(id)) return null;
      const made = await readJson(files(id).made, madeFile);
      return made && { id, ...made };
    },

    async ids() {
      const names = await readdir(root);
      return names
        .filter((name) => name.startsWith(BATCH_ID_PREFIX))
        .sort()
        .reverse();
    },

    async cancel(batch) {
      const at = Date.now();
      const finished = finishedBy(batch, at);
      const index = await readIndex(files(batch.id).index);
      const erroredCount = index.slice(0, finished).filter(({ valid }) => !valid).length;
      const wanted: Cancellation = { at, finished, erroredCount };
      try {
        await writeOnce(files(batch.id).cancellation, JSON.stringify(wanted));
        return wanted;
      } catch (error) {
        if (!hasErrorCode(error, 'EEXIST')) throw error;
        return (await cancellation(batch.id)) ?? wanted;
      }
    },

    remove: (id) => rm(folder(id), { recursive: true, force: true }),
  };
}

async function writeOnce(file: string, content: string | Buffer): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | null> {
  try {
    return schema.parse(JSON.parse(await readRegularFile(file)));
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Bodies whose process died while receiving them. */
async function removeAbandoned(root: string): Promise<void> {
  const names = await readdir(root);
  for (const name of names.filter((name) => name.startsWith(RECEIVING_PREFIX))) {
    const found = await stat(path.join(root, name)).catch((error: unknown) => {
      // Another process was faster.
      if (hasErrorCode(error, 'ENOENT')) return null;
      throw error;
    });
    if (found === null || Date.now() - found.mtimeMs < ABANDONED_MS) continue;
    await rm(path.join(root, name), { recursive: true, force: true });
  }
}
