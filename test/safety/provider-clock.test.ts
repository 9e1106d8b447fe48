import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { type ApiRequest, type ApiServer, apiError, errored, json, succeeded } from '../api-server.ts';
import { createDesk, run } from '../cli/run-binary.ts';
import { type Reply, settingsFor, startServer, type TestServer } from '../harness.ts';

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

  it('of a batch of another program that was made long before it was adopted, by the clock of the API', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const id = api.make(['a']);
    const made = api.batches.at(-1);
    if (made) made.createdAt = daysAgo(400);
    const { batch_id, results_expire_at, warnings } = await server.ok('batch_status', { batch_id: id });
    expect(Date.parse(results_expire_at)).toBeGreaterThan(Date.now() + DAY_MS);
    expect(warnings.join(' ')).not.toMatch(/gone for good/);
    api.endAll();
    expect(await collect(api, server)).toMatch(new RegExp(`^${batch_id}  ended  1 of 1 succeeded`));
  });

  it('of a retry, without a word that its results are gone as those of the first attempt are', async () => {
    const results = (sent: ApiRequest[]) => sent.map((each) => errored(each, 'api_error', 'oops'));
    const api = await startApi({ results });
    const first = await startServer({ api, now: () => daysAgo(29.5) });
    makesAt(api, daysAgo(29.5));
    const { batch_id } = await first.ok('submit_batch', work);
    api.endAll();
    await follow(first, batch_id, isSaved);
    const later = await startServer({ api, folder: first.folder });
    await later.ok('retry_batch', { batch_id });
    const { warnings } = await later.ok('batch_status', { batch_id });
    expect(warnings.join(' ')).not.toMatch(/gone for good/);
  });
});

describe('results that the API has dropped', () => {
  const dropped = json(404, apiError('not_found_error', 'No such results'));

  /** A batch that ended forty days ago, of which nothing was fetched. */
  async function lostBatch(isGone = true) {
    const api = await startApi();
    const first = await startServer({ api, now: () => daysAgo(40) });
    makesAt(api, daysAgo(40));
    const { batch_id } = await first.ok('submit_batch', work);
    api.endAll();
    if (isGone) api.override('results', dropped);
    return { api, first, batch_id };
  }

  it('are not waited for again and again', async () => {
    const { api, first, batch_id } = await lostBatch();
    const later = await startServer({ api, folder: first.folder });
    const isGivenUp = ({ check_again_in_seconds }: Reply) => check_again_in_seconds === 0;
    const { next_step, warnings } = await follow(later, batch_id, isGivenUp);
    expect(next_step).toMatch(/the API has dropped the results that are not saved here/);
    expect(warnings.join(' ')).toMatch(/No such results.*gone for good/);
  });

  it('end a wait at the terminal', async () => {
    const { api, first, batch_id } = await lostBatch();
    const desk = await createDesk({ ...settingsFor(api), BATCH_MCP_DATA_DIR: first.data });
    const { code, stdout, stderr } = await run(desk, ['wait', batch_id]);
    expect(code).toBe(3);
    expect(stdout + stderr).toMatch(/dropped the results/);
  });

  it('are asked for all the same', async () => {
    const { api, first, batch_id } = await lostBatch(false);
    const later = await startServer({ api, folder: first.folder });
    expect((await follow(later, batch_id)).outcomes).toMatchObject({ succeeded: 1 });
  });
});
