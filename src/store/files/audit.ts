import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { FILE_MODE, makeFolder } from '../../lib/durable-write.ts';
import type { AuditEntry } from '../store.ts';
import { openStored } from './own-file.ts';
import { inStore } from './store-failure.ts';

/** Appends a line to the file at `path`, which nothing here ever shortens. Short lines are written in one piece. */
export async function appendAudit(path: string, entry: AuditEntry): Promise<void> {
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
