import { randomUUID } from 'node:crypto';
import { link, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BatchError } from '../../errors.ts';
import { makeFolder } from '../../lib/durable-write.ts';

/** Whether a data folder can be used: it takes files and links. Throws `store_failed` that says what does not work. */
export async function examineDataFolder(folder: string): Promise<{ freeBytes: number }> {
  const probe = path.join(folder, `probe-${randomUUID()}`);
  try {
    await makeFolder(folder);
    await writeFile(probe, '', { mode: 0o600 });
    await link(probe, `${probe}-link`);
    const { bavail, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BatchError('store_failed', `It can't be used (${reason}). Give another one with --data-dir.`, {
      cause,
    });
  } finally {
    await Promise.all([rm(probe, { force: true }), rm(`${probe}-link`, { force: true })]);
  }
}
