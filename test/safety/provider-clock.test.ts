import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { type ApiRequest, type ApiServer, errored, succeeded } from '../api-server.ts';
import { createDesk, run } from '../cli/run-binary.ts';
import { settingsFor, startServer, type TestServer } from '../harness.ts';

const work = { requests: [{ task_id: 'a', prompt: 'one' }] };
const DAY_MS = 24 * 60 * 60 * 1000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

/** What the API makes next was made at this time, as it says. */
function makesAt(api: ApiServer, time: Date): void {
  api.override(
    'create',
    (_request, _response, pass) => {
      const made = api.batches.at(-1);
      if (made) made.createdAt = time;
      pass();
    },
    { times: 1, after: true },
  );
}

/** What a timer prints that collects all that is unfinished, on this computer's own clock. */
async function collect(api: ApiServer, { data }: TestServer): Promise<string> {
  const desk = await createDesk({ ...settingsFor(api), BATCH_MCP_DATA_DIR: data });
  return (await run(desk, ['collect'])).stdout;
}

describe('results are collected', () => {
  it('of a batch that was made long before it was sent, by the clock of the API', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    makesAt(api, daysAgo(400));
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    expect(await collect(api, server)).toMatch(new RegExp(`^${batch_id}  ended  1 of 1 succeeded`));
    const { results_expire_at, warnings } = await server.ok('batch_status', { batch_id });
    expect(Date.parse(results_expire_at)).toBeGreaterThan(Date.now() + 28 * DAY_MS);
    expect(warnings).toEqual([]);
  });

  it('of a late retry, when those of the first attempt are not kept any more', async () => {
    let ends = 0;
    const results = (sent: ApiRequest[]) => {
      ends += 1;
      return sent.map((each) => (ends === 1 ? errored(each, 'api_error', 'oops') : succeeded(each, 'fine')));
    };
    const api = await startApi({ results });
    const first = await startServer({ api, now: () => daysAgo(29.5) });
    makesAt(api, daysAgo(29.5));
    const { batch_id } = await first.ok('submit_batch', work);
    api.endAll();
    await follow(first, batch_id, isSaved);
    const later = await startServer({ api, folder: first.folder, now: () => daysAgo(0.5) });
    await later.ok('retry_batch', { batch_id });
    api.endAll();
    expect(await collect(api, first)).toMatch(new RegExp(`^${batch_id}  ended  1 of 1 succeeded`));
  });
});
