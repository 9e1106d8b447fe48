import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { errored, succeeded } from '../api-server.ts';
import { spawnServer, startServer, type TestClient, temporaryFolder } from '../harness.ts';

const env = {
  BATCH_MCP_SETTLE_SECONDS: '0.2',
  BATCH_MCP_MAX_COST_USD: '1000',
  BATCH_MCP_DAILY_BUDGET_USD: '1000',
};

/** How many tasks each stage has. */
const stagesOf = (items: number): number[] =>
  items === 1 ? [] : [Math.ceil(items / 4), ...stagesOf(Math.ceil(items / 4))];

/** Merges so many rows, four at a time, through processes that are killed at any time: each stage is paid once. */
export async function mergeThroughKills(
  starter: { path: string },
  leaves: number,
  kills: number,
): Promise<void> {
  const api = await startApi({
    results: (all) =>
      all.map((request) =>
        api.batches.length === 1 && request.custom_id === 'merge_1_8'
          ? errored(request, 'api_error', 'Oh.')
          : succeeded(request, String((JSON.stringify(request.params).match(/<item id/g) ?? []).length)),
      ),
  });
  const stages = stagesOf(leaves);
  const all = stages.reduce((sum, tasks) => sum + tasks, 0);
  const folder = await temporaryFolder();
  const server = await startServer({ api, folder, env });
  const rows = Array.from({ length: leaves }, (_, index) => `r${index},${index}\n`).join('');
  await writeFile(path.join(server.work, 't.csv'), `id,text\n${rows}`);
  const work = {
    rows_file: 't.csv',
    id_column: 'id',
    prompt: 'Sum up: {{items}}',
    merge: 4,
    output_file: 'o.jsonl',
  };
  const { batch_id } = await server.ok('submit_batch', work);
  await server.close();
  const toTheEnd = (client: TestClient) =>
    follow(client, batch_id, (seen) => {
      api.endAll();
      return isSaved(seen);
    });

  const killed = async (rounds: number) => {
    for (let round = 0; round < rounds; round += 1) {
      const doomed = await spawnServer({ starter: starter.path, folder, api, env });
      const followed = toTheEnd(doomed).catch((error: unknown) => {
        if (!/Connection closed|Not connected/.test(String(error))) throw error;
      });
      await sleep(Math.random() * 900);
      await doomed.kill();
      await followed;
    }
  };
  await killed(kills);
  const last = await startServer({ api, folder, env });
  const status = await toTheEnd(last);
  expect(api.batches.map((batch) => batch.requests.length)).toEqual(stages);
  expect(status.outcomes).toMatchObject({ succeeded: all - 1, errored: 1, pending: 0 });
  // What failed is sent again, and merged again, by others that are killed: what it does not touch is paid no more.
  await last.ok('retry_batch', { batch_id });
  await last.close();
  await killed(Math.ceil(kills / 2));
  const reader = await startServer({ api, folder, env });
  expect((await toTheEnd(reader)).outcomes).toMatchObject({ succeeded: all, pending: 0 });
  expect(
    api.batches.slice(stages.length).map(({ requests }) => requests.map((each) => each.custom_id)),
  ).toEqual([['merge_1_8'], ['merge_2_2'], ...stages.slice(2).map((_, index) => [`merge_${index + 3}_1`])]);
  const { results } = await reader.ok('get_results', { batch_id });
  expect(results).toMatchObject([{ task_id: `merge_${stages.length}_1`, text: '4' }]);
}
