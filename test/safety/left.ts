import path from 'node:path';
import { expect } from 'vitest';
import { startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { spawnServer, startServer, temporaryFolder } from '../harness.ts';

/** Starts a server that dies at a step. Each file bundles it for itself: a hook of this module would run for the first alone. */
export const crashStarter = path.join(import.meta.dirname, 'crash-starter.ts');
export const work = { requests: [{ task_id: 'a', prompt: 'one' }] };
export const env = { BATCH_MCP_SETTLE_SECONDS: '0.1' };

/** What a process leaves that dies at this step of a submission. */
export async function leftAt(
  starter: { path: string },
  crashAt: string,
): Promise<{ api: ApiServer; folder: string; batchId: string }> {
  const api = await startApi({ endsAtOnce: true });
  const folder = await temporaryFolder();
  const doomed = await spawnServer({
    starter: starter.path,
    folder,
    api,
    env: { ...env, CRASH_AT: crashAt },
  });
  await expect(doomed.ok('submit_batch', work)).rejects.toThrow(/Connection closed/);
  const { batches } = await (await startServer({ api, folder, env })).ok('list_batches');
  return { api, folder, batchId: batches[0]?.batch_id };
}
