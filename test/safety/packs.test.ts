import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { allPages, follow, isSaved, startApi } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, type ApiServer, reset, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, spawnServer, startServer, type TestClient, temporaryFolder } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

// Work in packs is paid once and lost by nobody, whoever dies at whatever.

const starter = bundleForTests(path.join(import.meta.dirname, 'crash-starter.ts'));
const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Two parts: of two packs, and of one; under two variants three, each of what a pack of either asks of the same rows. */
const limits = { partRequests: 2 };
const env = { BATCH_MCP_SETTLE_SECONDS: '0.2' };
const table = `id,text\n${ids.map((id) => `${id},say ${id}`).join('\n')}\n`;
const work = {
  rows_file: 'rows.csv',
  id_column: 'id',
  prompt: '{{text}}',
  pack: 2,
  output_file: 'out.jsonl',
};
const variants = { A: { system: 'Be brief.' }, B: { system: 'Be long.' } };

/** Work, and what is sent of it: the rows of each request of each part. */
type Sent = {
  work: object;
  limits: object;
  parts: string[][][];
  tasks: string[];
  tokens: number;
  usd: number;
};
const kinds = {
  packs: {
    work,
    limits,
    parts: [
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
      [['e', 'f']],
    ],
    tasks: ids,
    tokens: 303,
    // 303 tokens in, 21 out, at half of 2 and 10 dollars a million.
    usd: 0.000408,
  },
  'packs under variants': {
    work: { ...work, variants },
    // Of three requests the third would hold tasks that are no run with the others.
    limits: { partRequests: 3 },
    parts: [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ].map((rows) => ['A', 'B'].map((name) => rows.map((id) => `${id}@${name}`))),
    tasks: ids.flatMap((id) => [`${id}@A`, `${id}@B`]),
    tokens: 606,
    usd: 0.000816,
  },
} satisfies Record<string, Sent>;
type Kind = keyof typeof kinds;

/** The id of a task that is no legal one on the wire has one that is made: its text tells whose it is. */
const sentTask = (request: ApiRequest, text: string) => {
  const id = /say (\w)/.exec(text)?.[1] ?? '';
  const { system } = request.params;
  return `${id}${system === 'Be brief.' ? '@A' : system === 'Be long.' ? '@B' : ''}`;
};

const answered = (requests: ApiRequest[]) =>
  requests.toReversed().map((each) =>
    succeeded(
      each,
      packAnswer(each, ({ text }) => `answer ${sentTask(each, text)}`),
      {
        usage: { input_tokens: 101, output_tokens: 7 },
      },
    ),
  );

async function folderWithRows(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'work'), { recursive: true });
  await writeFile(path.join(folder, 'work', 'rows.csv'), table);
  return folder;
}

function startDoomed(folder: string, api: ApiServer, limits: object, crashAt: string) {
  return spawnServer({
    starter: starter.path,
    folder,
    api,
    env: { ...env, CRASH_AT: crashAt, LIMITS: JSON.stringify(limits) },
  });
}

function followToTheEnd(client: TestClient, api: ApiServer, batchId: string): Promise<Reply> {
  api.endAll();
  return follow(client, batchId, (status) => {
    api.endAll();
    return isSaved(status);
  });
}

async function expectPaidOnceAndWhole(
  client: TestClient,
  api: ApiServer,
  folder: string,
  batchId: string,
  kind: Kind = 'packs',
) {
  const { parts, tasks, tokens, usd } = kinds[kind];
  const status = await followToTheEnd(client, api, batchId);
  const sent = api.batches.map(({ requests }) =>
    requests.map((each) => rowsIn(each).map(({ text }) => sentTask(each, text))),
  );
  expect(sent).toEqual(parts);
  expect(status).toMatchObject({
    request_count: tasks.length,
    request_counts: { succeeded: parts.flat().length },
    outcomes: { succeeded: tasks.length },
  });
  expect(status.cost_usd.actual).toBe(usd);
  const answers = await allPages(client, { batch_id: batchId, detail: 'full' });
  expect(answers.map(({ task_id, text }) => [task_id, text])).toEqual(
    tasks.map((id) => [id, `answer ${id}`]),
  );
  expect(answers.reduce((sum, { usage }) => sum + usage.input_tokens, 0)).toBe(tokens);
  const lines = (await readFile(path.join(folder, 'work', 'out.jsonl'), 'utf8')).trim().split('\n');
  expect(lines).toHaveLength(6);
}

async function expectSurvival(kind: Kind, crashAt: string, fault?: 'made' | 'lost') {
  const { work, limits } = kinds[kind];
  const api = await startApi({ results: answered });
  const folder = await folderWithRows();
  const doomed = await startDoomed(folder, api, limits, crashAt);
  if (fault !== undefined) api.override('create', reset, { times: 1, after: fault === 'made' });
  let told: string | undefined;
  const working = async () => {
    told = (await doomed.ok('submit_batch', work)).batch_id;
    await followToTheEnd(doomed, api, told ?? '');
  };
  await expect(working()).rejects.toThrow(/Connection closed/);
  const restarted = await startServer({ api, folder, env, limits });
  const { batches } = await restarted.ok('list_batches');
  const batchId = told ?? batches[0]?.batch_id ?? (await restarted.ok('submit_batch', work)).batch_id;
  await expectPaidOnceAndWhole(restarted, api, folder, batchId, kind);
}

describe('work in packs outlives a server that is killed', () => {
  eachNthOf(30, [
    'fs.rename(batch):after:1',
    'provider.createBatch:after:1',
    'provider.createBatch:after:2',
    'provider.streamResults:after:1',
    'provider.streamResults:after:12',
    'fs.link(part-0001.received.jsonl):before:1',
    'fs.link(part-0001.received.jsonl):after:1',
    'fs.link(part-0001.results.jsonl):before:1',
    'fs.link(part-0001.results.jsonl):after:1',
    'fs.link(part-0001.results.idx):before:1',
    'fs.link(part-0001.results.idx):after:1',
    'fs.link(part-0002.received.jsonl):after:1',
    'fs.link(part-0002.results.jsonl):after:1',
    'record.update:after:8',
    'fs.link(out.jsonl):before:1',
  ])('at %s', (step) => expectSurvival('packs', step));
  it.each([
    'provider.createBatch:after:2',
    'provider.streamResults:after:12',
    'fs.link(part-0002.received.jsonl):after:1',
    'fs.link(part-0003.results.jsonl):before:1',
    'record.update:after:8',
  ])('under variants, at %s', long, (step) => expectSurvival('packs under variants', step));
  it.each(['record.update:after:2', 'provider.listBatches:after:2', 'claim.update:after:1'])(
    'while it settles by the number of requests what was made, at %s',
    long,
    (step) => expectSurvival('packs', step, 'made'),
  );
  eachNthOf<Kind>(2, ['packs', 'packs under variants'])(
    'while it settles %s that were lost on the way',
    (kind) => expectSurvival(kind, 'record.update:after:3', 'lost'),
  );
});

describe('what was received in packs', () => {
  it('is unpacked alike by processes that do so at once', long, async () => {
    const api = await startApi({ results: answered });
    const folder = await folderWithRows();
    const first = await startServer({ api, folder, env, limits });
    const { batch_id } = await first.ok('submit_batch', work);
    const others = await Promise.all([1, 2].map(() => spawnServer({ api, folder, env })));
    api.endAll();
    const all = [first, ...others];
    await Promise.all(all.map((client) => follow(client, batch_id)));
    for (const client of all) await expectPaidOnceAndWhole(client, api, folder, batch_id);
  });

  it('is unpacked again where the rows are gone, without the API', long, async () => {
    const api = await startApi({ results: answered });
    const folder = await folderWithRows();
    const first = await startServer({ api, folder, env, limits });
    const { batch_id } = await first.ok('submit_batch', work);
    await followToTheEnd(first, api, batch_id);
    await first.close();
    const asked = api.asked('results');
    for (const name of ['part-0001.results.jsonl', 'part-0001.results.idx', 'part-0002.results.jsonl'])
      await rm(path.join(folder, 'data', 'batches', batch_id, name));
    const second = await startServer({ api, folder, env, limits });
    await second.ok('batch_status', { batch_id });
    await expectPaidOnceAndWhole(second, api, folder, batch_id);
    expect(api.asked('results')).toBe(asked);
  });

  it('is fetched again where all of it is gone', long, async () => {
    const api = await startApi({ results: answered });
    const folder = await folderWithRows();
    const server = await startServer({ api, folder, env, limits });
    const { batch_id } = await server.ok('submit_batch', work);
    await followToTheEnd(server, api, batch_id);
    for (const name of ['results.jsonl', 'results.idx', 'received.jsonl'])
      await rm(path.join(folder, 'data', 'batches', batch_id, `part-0001.${name}`));
    await expectPaidOnceAndWhole(server, api, folder, batch_id);
  });

  it('counts when it is whole: a download that is cut short is fetched again', long, async () => {
    const api = await startApi({ results: answered });
    const folder = await folderWithRows();
    const server = await startServer({ api, folder, env, limits });
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    let cut = 2;
    api.override(
      'results',
      (_request, response) => {
        cut -= 1;
        response.writeHead(200, { 'content-type': 'application/x-jsonl' });
        const line = JSON.stringify(answered(api.batches[0]?.requests ?? [])[1]);
        response.end(`${line}\n`);
      },
      { times: 2 },
    );
    await expectPaidOnceAndWhole(server, api, folder, batch_id);
    expect(cut).toBe(0);
  });

  it('that lacks a pack for good lacks its rows alone, which retry_batch sends again', async () => {
    const api = await startApi({
      results: (requests) => answered(requests).slice(api.creates.length > 1 ? 0 : 1),
    });
    const folder = await folderWithRows();
    let now = new Date();
    const server = await startServer({ api, folder, env, now: () => now });
    const { batch_id } = await server.ok('submit_batch', { ...work, output_file: undefined });
    const status = await followToTheEnd(server, api, batch_id);
    expect(status.outcomes).toMatchObject({ succeeded: 4, missing: 2 });
    now = new Date(now.getTime() + 20 * 60_000);
    await follow(server, batch_id, ({ outcomes, progress }) => outcomes.missing === 2 && !progress);
    await server.ok('retry_batch', { batch_id });
    expect((await followToTheEnd(server, api, batch_id)).outcomes.succeeded).toBe(6);
    expect(api.creates.map(({ requests }) => requests.map((each) => rowsIn(each).length))).toEqual([
      [2, 2, 2],
      [2],
    ]);
  });

  it('comes in late in part: nothing that was there is lost', long, async () => {
    const api = await startApi({ results: answered });
    const folder = await folderWithRows();
    const server = await startServer({ api, folder, env });
    const { batch_id } = await server.ok('submit_batch', { ...work, output_file: undefined });
    api.endAll();
    /** Downloads that hold these lines alone, as they were made. */
    const give = (from: number, to: number, times: number) =>
      api.override(
        'results',
        (_request, response) => {
          const lines = api.batches[0]?.results.toString().trim().split('\n').slice(from, to) ?? [];
          response.writeHead(200, { 'content-type': 'application/x-jsonl' });
          response.end(`${lines.join('\n')}\n`);
        },
        { times },
      );
    give(0, 2, 3);
    expect((await follow(server, batch_id)).outcomes).toMatchObject({ succeeded: 4, missing: 2 });
    expect(api.asked('results')).toBe(3);
    give(2, 3, 1);
    // It looks once more before it pays a second time.
    await server.fails('retry_batch', { batch_id });
    const answers = await allPages(server, { batch_id });
    expect(answers.map(({ text }) => text)).toEqual(ids.map((id) => `answer ${id}`));
    expect(api.creates).toHaveLength(1);
  });
});
