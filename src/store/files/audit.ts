import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_MODE, makeFolder } from '../../lib/durable-write.ts';
import { inStore } from './store-failure.ts';

/** One thing that was done or refused for a caller: names, paths and dollars, never content. */
export type AuditEntry = {
  at: string;
  tool: string;
  /** `done`, or the code of the error it was answered with. */
  outcome: string;
  batch_id?: string;
  /** Files that the caller named. */
  files?: string[];
  /** The most that it may cost, in US dollars. */
  maximum_usd?: number;
};

/** Appends a line to `<data>/audit.jsonl`, which nothing here ever shortens. Short lines are written in one piece. */
export async function appendAudit(data: string, entry: AuditEntry): Promise<void> {
  const path = join(data, 'audit.jsonl');
  await inStore('write', path, async () => {
    await makeFolder(data);
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;
    const handle = await open(path, flags, FILE_MODE);
    try {
      await handle.appendFile(`${JSON.stringify(entry)}\n`);
    } finally {
      await handle.close();
    }
  });
}
