import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { namesIn } from '../../lib/files/durable-write.ts';
import { systemErrorCode } from '../../lib/files/file-failure.ts';
import { isProvenDead } from '../process-identity.ts';
import { QUESTION_KEPT_MS, WORK_KEPT_MS } from '../shared-records.ts';
import { isStagingName, type Layout } from './layout.ts';
import { readOwner } from './staging.ts';

/** Anything younger may belong to a process that is slow or suspended. */
const STALE_MS = 60 * 60 * 1000;

async function isOlder(path: string, ms: number): Promise<boolean> {
  return Date.now() - (await lstat(path)).mtimeMs > ms;
}

const isStale = (path: string) => isOlder(path, STALE_MS);

/** Without an owner it is judged by its age: the owner may be just about to be written. */
async function isAbandoned(folder: string): Promise<boolean> {
  const owner = await readOwner(folder);
  return owner === null ? isStale(folder) : isProvenDead(owner);
}

/** Removes what nobody needs any more. What can't be judged or removed is logged and left. */
export async function sweep(layout: Layout, log: (message: string) => void): Promise<void> {
  async function removeIf(path: string, judge: (path: string) => Promise<boolean>): Promise<void> {
    try {
      if (await judge(path)) await rm(path, { recursive: true, force: true });
    } catch (error) {
      // Gone already: another process sweeps too, or its owner finished.
      if (hasErrorCode(error, 'ENOENT')) return;
      const why = error instanceof BatchError ? error.message : systemErrorCode(error);
      if (why === undefined) throw error;
      log(`left ${path} in place while sweeping: ${why}`);
    }
  }

  async function removeIn(folder: string, judge: (path: string) => Promise<boolean>): Promise<void> {
    for (const name of await namesIn(folder)) await removeIf(join(folder, name), judge);
  }

  await removeIn(layout.temporary, isStale);
  await removeIn(layout.works, (path) => isOlder(path, WORK_KEPT_MS));
  await removeIn(layout.questions, (path) => isOlder(path, QUESTION_KEPT_MS));
  await removeIn(layout.trash, () => Promise.resolve(true));
  for (const name of (await namesIn(layout.staging)).filter(isStagingName)) {
    await removeIf(join(layout.staging, name), isAbandoned);
  }
}
