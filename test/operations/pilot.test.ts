import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, isSaved, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, type ApiServer, errored, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { parseCsv } from '../csv.ts';
import { spawnServer, startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { crashStarter } from '../safety/left.ts';

const COUNT = 308;
const table = `id,text\n${Array.from({ length: COUNT }, (_, index) => `${index % 3 === 0 ? 'a/' : 'i'}${index},question ${index}\n`).join('')}`;
const label = (request: ApiRequest) =>
  JSON.stringify({ label: `of ${JSON.stringify(request.params.messages)}`.slice(0, 60) });

const work = {
  rows_file: 't.csv',
  id_column: 'id',
  prompt: 'Sort this: {{text}}',
  output_schema: { type: 'object', properties: { label: { type: 'string' } } },
};

async function writeTable(server: TestServer): Promise<void> {
  await writeFile(path.join(server.work, 't.csv'), table);
}

const paid = (api: ApiServer) => api.creates.reduce((sum, { requests }) => sum + requests.length, 0);

async function started(
  results = (requests: ApiRequest[]) => requests.map((each) => succeeded(each, label(each))),
) {
  const api = await startApi({ results });
  const server = await startCheckedServer({ api });
  await writeTable(server);
  return { api, server };
}

const end = async (api: ApiServer, server: TestServer, batch_id: string) => {
  api.endAll();
  return server.ok('batch_status', { batch_id, wait_seconds: 20 });
};

const starter = bundleForTests(crashStarter);

describe('a pilot', () => {
  it('is not paid twice: the whole takes its answers over, and is one batch all the same', async () => {
    const { api, server } = await started();
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 100 });
    const done = await end(api, server, pilot.batch_id);
    const estimate = await server.ok('estimate_cost', work);
    const whole = await server.ok('submit_batch', { work_id: estimate.work_id, output_file: 'out.csv' });
    expect(paid(api)).toBe(COUNT);
    const reused = { count: 100, usd: done.cost_usd.actual, batch_id: pilot.batch_id };
    expect(whole).toMatchObject({ request_count: COUNT, duplicate: false, reused });
    expect(estimate).toMatchObject({ request_count: COUNT, reused, cost_usd: whole.cost_usd });
    expect(whole.cost_usd.maximum).toBeGreaterThan(pilot.cost_usd.maximum);
    const status = await end(api, server, whole.batch_id);
    expect(status).toMatchObject({ outcomes: { succeeded: COUNT, pending: 0 }, processing_status: 'ended' });
    // Each answer is paid, and counted, once.
    const each = done.cost_usd.actual / 100;
    expect(status.cost_usd.actual).toBeCloseTo(each * (COUNT - 100), 8);
    const [head = [], ...rows] = parseCsv(await readFile(path.join(server.work, 'out.csv'), 'utf8'));
    expect(rows).toHaveLength(COUNT);
    const [text, said] = [head.indexOf('text'), head.indexOf('label')];
    for (const row of rows) expect(row[said]).toContain(`Sort this: ${row[text]}"`);
    expect(rows.map(([id]) => id)).toEqual(
      table
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',')[0]),
    );
    expect(await server.ok('submit_batch', work)).toMatchObject({
      batch_id: whole.batch_id,
      duplicate: true,
    });
    expect(paid(api)).toBe(COUNT);
    const read = await server.ok('get_results', {
      batch_id: whole.batch_id,
      task_ids: ['a/0', 'i1'],
      detail: 'full',
    });
    expect(read.results).toHaveLength(2);
  });

  it('is taken over by a larger one, and both by the whole', long, async () => {
    const { api, server } = await started();
    for (const max_tasks of [10, 60]) {
      const { batch_id } = await server.ok('submit_batch', { ...work, max_tasks });
      await end(api, server, batch_id);
    }
    const whole = await server.ok('submit_batch', work);
    expect(whole.reused.count).toBeGreaterThanOrEqual(60);
    await end(api, server, whole.batch_id);
    expect(paid(api)).toBeLessThanOrEqual(COUNT + 10);
  });

  it('gives over its finished answers alone; the rest is sent', async () => {
    const { api, server } = await started((requests) =>
      requests.map((each, index) =>
        index % 10 === 0 ? errored(each, 'api_error', 'Oh.') : succeeded(each, label(each)),
      ),
    );
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 100 });
    await end(api, server, pilot.batch_id);
    const whole = await server.ok('submit_batch', work);
    expect(whole.reused.count).toBe(90);
    expect(paid(api)).toBe(COUNT + 10);
  });

  eachNth<[what: string, change: object]>(6, [
    ['another prompt', { prompt: 'Sort that: {{text}}' }],
    ['another tier', { model_tier: 'cheap' }],
    ['another length', { max_tokens: 77 }],
    ['another schema', { output_schema: { type: 'object', properties: { labl: { type: 'string' } } } }],
    ['another system prompt', { system: 'You sort.' }],
    ['force_new', { force_new: true }],
  ])('is none for work with %s', async (_what, change) => {
    const { api, server } = await started();
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 20 });
    await end(api, server, pilot.batch_id);
    const whole = await server.ok('submit_batch', { ...work, ...change });
    expect(whole.reused).toBeUndefined();
    expect(paid(api)).toBe(COUNT + 20);
  });

  eachNth<[what: string, pilot: object, whole: object]>(9, [
    ['a family and the tier that is it', { model: 'sonnet' }, {}],
    ['a model and the tier that is it', { model: 'claude-sonnet-5-5' }, {}],
    ['the usual tier, said and unsaid', {}, { model_tier: 'capable' }],
    ['a tier and its family', { model_tier: 'cheap' }, { model: 'haiku' }],
    ['a length that is the usual one', { max_tokens: 4096 }, {}],
    [
      'labels and their schema',
      { output_schema: undefined, labels: ['a', 'b'], model: 'haiku', max_tokens: 500 },
      {
        output_schema: {
          type: 'object',
          properties: { label: { type: 'string', enum: ['a', 'b'] } },
          required: ['label'],
          additionalProperties: false,
        },
        model_tier: 'cheap',
        effort: 'low',
        max_tokens: 500,
      },
    ],
    [
      'variants, one of which is the usual',
      { variants: { A: { model: 'sonnet' }, B: { model: 'haiku' } } },
      {},
    ],
    ['blanks in a place', { prompt: 'Sort this: {{ text }}' }, {}],
  ])('is found by what is sent: %s', async (_what, before, after) => {
    const { api, server } = await started((requests) =>
      requests.map((each) => succeeded(each, JSON.stringify({ label: 'a' }))),
    );
    const pilot = await server.ok('submit_batch', { ...work, ...before, max_tasks: 20 });
    await end(api, server, pilot.batch_id);
    const sent = paid(api);
    expect((await server.ok('submit_batch', { ...work, ...after })).reused).toMatchObject({ count: 20 });
    expect(paid(api)).toBe(sent + COUNT - 20);
  });

  it('gives over the rows that have not changed since', long, async () => {
    const { api, server } = await started();
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 100 });
    await end(api, server, pilot.batch_id);
    await writeFile(path.join(server.work, 't.csv'), table.replace('question 0\n', 'another question\n'));
    const whole = await server.ok('submit_batch', work);
    expect(whole.reused.count).toBe(99);
  });

  it('that still runs is said, and paid again', async () => {
    const { api, server } = await started();
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 100 });
    const whole = await server.ok('submit_batch', work);
    expect(whole.warnings.join()).toContain(`The pilot ${pilot.batch_id} has not ended`);
    expect(paid(api)).toBe(COUNT + 100);
  });

  it('of all the work leaves nothing to be paid', long, async () => {
    const { api, server } = await started();
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: COUNT - 1 });
    await end(api, server, pilot.batch_id);
    await writeFile(
      path.join(server.work, 't.csv'),
      table
        .split('\n')
        .slice(0, COUNT - 10)
        .join('\n'),
    );
    const estimate = await server.ok('estimate_cost', work);
    const whole = await server.ok('submit_batch', work);
    expect(estimate.cost_usd).toMatchObject({ expected: 0, maximum: 0 });
    const status = await server.ok('batch_status', { batch_id: whole.batch_id, wait_seconds: 20 });
    expect(status.outcomes.succeeded + status.outcomes.pending).toBe(COUNT - 11);
    expect(paid(api)).toBeLessThanOrEqual(COUNT);
  });

  it('is not paid twice after a kill, nor by two processes at once', async () => {
    const api = await startApi({
      results: (requests) => requests.map((each) => succeeded(each, label(each))),
    });
    const first = await spawnServer({ api });
    await writeTable(first);
    const pilot = await first.ok('submit_batch', { ...work, max_tasks: 100 });
    await first.kill();
    api.endAll();
    const { folder } = first;
    const [a, b] = await Promise.all([spawnServer({ api, folder }), spawnServer({ api, folder })]);
    const [one, two] = await Promise.all([a.ok('submit_batch', work), b.ok('submit_batch', work)]);
    expect(one.batch_id).toBe(two.batch_id);
    await expect.poll(() => paid(api), { timeout: 20_000 }).toBe(COUNT);
    const status = await end(api, a, one.batch_id);
    expect(status).toMatchObject({
      outcomes: { succeeded: COUNT },
      reused: { count: 100, batch_id: pilot.batch_id },
    });
    expect(paid(api)).toBe(COUNT);
  });
});

describe('a pilot whose process died before anything of it was sent', () => {
  it.each([
    ['submission.update:after:1', 'submitted again'],
    ['budget.update:after:1', 'submitted again'],
    ['budget.update:after:1', 'looked at'],
  ])('is found by the whole once it is sent: %s, %s', long, async (crashAt, taken) => {
    const api = await startApi();
    const folder = await temporaryFolder();
    const doomed = await spawnServer({ starter: starter.path, folder, api, env: { CRASH_AT: crashAt } });
    const requests = [1, 2, 3, 4].map((index) => ({ task_id: `t${index}`, prompt: `say ${index}` }));
    const pilot = { requests, max_tasks: 2 };
    await expect(doomed.ok('submit_batch', pilot)).rejects.toThrow(/Connection closed/);
    const server = await startServer({ api, folder });
    const { batch_id } =
      taken === 'looked at'
        ? (await server.ok('list_batches')).batches[0]
        : await server.ok('submit_batch', pilot);
    api.endAll();
    await follow(server, batch_id, (seen) => {
      api.endAll();
      return isSaved(seen);
    });
    expect(await server.ok('submit_batch', { requests })).toMatchObject({ reused: { count: 2, batch_id } });
    expect(paid(api)).toBe(4);
  });
});
