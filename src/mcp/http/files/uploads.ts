import { createHash, randomUUID } from 'node:crypto';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../../../errors.ts';
import { makeFolder, syncFolder } from '../../../lib/files/durable-write.ts';
import { fileFailure } from '../../../lib/files/file-failure.ts';
import { createFileWriter } from '../../../lib/files/file-writer.ts';
import type { Log } from '../../../log.ts';
import { endsWithin } from '../../../state/jobs.ts';
import type { HttpLimits } from '../limits.ts';
import type { Refusal } from '../refusal.ts';

/** A file uploaded by a user. */
type Upload = { name: string; bytes: number; expires_at: string };

/** Files that users upload before naming them in a call. Each user has their own folder, in which nothing is kept for long. */
export type Uploads = {
  folderOf(user: string): string;
  /** Stores a request's body, whole or not at all, replacing a file of the same name. */
  take(user: string, name: string, request: IncomingMessage): Promise<Upload | Refusal>;
  list(user: string): Promise<Upload[]>;
  /** Resolves to whether there was such a file. */
  remove(user: string, name: string): Promise<boolean>;
  /** Removes every user's expired files. */
  sweep(): Promise<void>;
};

type Options = {
  folder: string;
  bytes: number;
  limits: Pick<HttpLimits, 'uploadSilenceMs' | 'uploads' | 'uploadBytesEach' | 'uploadKeptMs'>;
  log: Log;
};

/** No slash, no leading dot, nothing encoded: it is used in a path as it is. */
export const UPLOAD_NAME = /^\w[\w.-]{0,127}$/;

/** Prefix of files that have not arrived completely. */
const BEGUN = '.begun-';

export function createUploads(options: Options): Uploads {
  const { folder, limits, log } = options;
  const folderOf = (user: string) =>
    path.join(folder, createHash('sha256').update(user).digest('hex').slice(0, 32));
  const filesOf = (user: string) => filesIn(folderOf(user), limits.uploadKeptMs);
  return {
    folderOf,
    list: async (user) => (await filesOf(user)).filter(isWhole).map(told),
    async take(user, name, request) {
      try {
        return await takeUpload(folderOf(user), name, request, options);
      } catch (error) {
        if (!(error instanceof BatchError)) throw error;
        log('error', error.message);
        return notKept;
      }
    },
    async remove(user, name) {
      const isThere = (await filesOf(user)).some((each) => each.name === name);
      await rm(path.join(folderOf(user), name), { force: true });
      return isThere;
    },
    async sweep() {
      try {
        await removeExpired(folder, limits.uploadKeptMs);
      } catch (error) {
        log('warn', `Uploads could not be swept: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}

/** A file in a user's folder, and when it arrived. */
type Found = Upload & { at: number };

const isWhole = ({ name }: Upload) => !name.startsWith(BEGUN);
const told = ({ at: _at, ...upload }: Found): Upload => upload;

async function filesIn(own: string, keptMs: number): Promise<Found[]> {
  const names = await readdir(own).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT')) return [];
    throw error;
  });
  const files = await Promise.all(names.map((name) => described(own, name, keptMs)));
  return files.filter((file) => file !== null);
}

async function described(own: string, name: string, keptMs: number): Promise<Found | null> {
  try {
    const { size, mtimeMs } = await lstat(path.join(own, name));
    return { name, bytes: size, expires_at: new Date(mtimeMs + keptMs).toISOString(), at: mtimeMs };
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function removeExpired(folder: string, keptMs: number): Promise<void> {
  for (const each of await readdir(folder).catch(() => [])) {
    const own = path.join(folder, each);
    for (const { name, at } of await filesIn(own, keptMs)) {
      if (Date.now() - at > keptMs) await rm(path.join(own, name), { force: true });
    }
  }
}

async function takeUpload(
  own: string,
  name: string,
  request: IncomingMessage,
  { bytes, limits }: Options,
): Promise<Upload | Refusal> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > bytes) return tooLarge(bytes);
  // Uploads still arriving count too, or simultaneous ones would exceed the limit.
  const others = await besideIn(own, name, limits);
  if (others.length >= limits.uploads) return tooMany(limits.uploads);
  if (announced > leftBeside(others, limits)) return tooMuch(limits.uploadBytesEach);
  const begun = path.join(own, `${BEGUN}${randomUUID()}`);
  try {
    const refusal = await receive(request, begun, bytes, limits.uploadSilenceMs);
    if (refusal !== null) return refusal;
    // Again: this one's length may have been unknown, and others may have arrived meanwhile.
    if (leftBeside(await besideIn(own, name, limits), limits) < 0) return tooMuch(limits.uploadBytesEach);
    await onDisk(rename(begun, path.join(own, name)));
    await onDisk(syncFolder(own));
    const kept = await filesIn(own, limits.uploadKeptMs);
    return kept.filter((each) => each.name === name).map(told)[0] ?? cutOff;
  } finally {
    await rm(begun, { force: true });
  }
}

/** Makes a user's folder and returns its files, except the one that this would replace. */
async function besideIn(own: string, name: string, { uploadKeptMs }: Options['limits']): Promise<Upload[]> {
  await onDisk(makeFolder(own));
  return (await filesIn(own, uploadKeptMs)).filter((each) => each.name !== name);
}

/** How many bytes a user may still send, given their files, stored or arriving, under other names. */
function leftBeside(others: readonly Upload[], { uploadBytesEach }: Options['limits']): number {
  return uploadBytesEach - others.reduce((sum, each) => sum + each.bytes, 0);
}

/** Writes a body durably to a new file. Returns why it is incomplete, or null. */
async function receive(
  request: IncomingMessage,
  file: string,
  bytes: number,
  silenceMs: number,
): Promise<Refusal | null> {
  const writer = await onDisk(createFileWriter(file));
  let length = 0;
  try {
    // The request stays open when reading stops, so that the sender can be told what is wrong.
    const pieces: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false });
    for (;;) {
      const next = pieces.next();
      if (!(await endsWithin(noted(next), silenceMs))) return tooSlow;
      const { done, value } = await next;
      if (done) break;
      length += value.length;
      if (length > bytes) return tooLarge(bytes);
      await onDisk(writer.give(value));
    }
    if (!request.complete) return cutOff;
    await onDisk(writer.finish());
    return null;
  } catch (error) {
    if (error instanceof BatchError) throw error;
    // This includes a body longer than announced, after which the connection is unusable.
    if (!request.complete || request.errored !== null) return cutOff;
    throw error;
  } finally {
    await writer.close();
  }
}

/** Marks failures of the disk, to tell them from the sender's. */
async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fileFailure('keep an upload', error);
  }
}

/** Resolves when the promise settles, either way. */
const noted = (promise: Promise<unknown>): Promise<void> =>
  promise.then(
    () => {},
    () => {},
  );

const cutOff: Refusal = {
  status: 400,
  error: 'cut_off',
  message: 'The file did not arrive complete; it is not kept.',
};
const tooSlow: Refusal = {
  status: 408,
  error: 'too_slow',
  message: 'Nothing arrived for too long; the file is not kept.',
};

/** What the disk reported is for the server's owner only. */
const notKept: Refusal = {
  status: 507,
  error: 'no_room',
  message:
    'The server has no room for files now, or cannot write them; its log says why. The file is not kept.',
};

const tooLarge = (bytes: number): Refusal => ({
  status: 413,
  error: 'too_large',
  message: `A file may be ${bytes} bytes at most (BATCH_MCP_UPLOAD_MB); this one is not kept.`,
});

const tooMany = (files: number): Refusal => ({
  status: 409,
  error: 'too_many_files',
  message: `You have ${files} files here, which is the limit. Remove one with DELETE /files/<name>.`,
});

const tooMuch = (bytes: number): Refusal => ({
  status: 413,
  error: 'too_much',
  message: `Your files may have ${bytes} bytes in total; this one is not kept. Remove one with DELETE /files/<name>.`,
});
