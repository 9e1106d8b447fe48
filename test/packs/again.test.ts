import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { allPages, follow, startApi } from '../api.ts';
import { packAnswer, rowsIn, type SentRow } from '../api-packs.ts';
import { type ApiRequest, type ApiServer, errored, succeeded, unfinished } from '../api-server.ts';
import { type Reply, startServer, type TestServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

// What failed in packs is sent again: in smaller ones, at last alone, and to nobody's loss.

const csv = (count: number) =>
  `id,text\n${Array.from({ length: count }, (_, index) => `q${index + 1},Question ${index + 1}`).join('\n')}\n`;
const work = { rows_file: 'rows.csv', id_column: 'id', prompt: 'What is asked? {{text}}' };

type Round = { api: ApiServer; server: TestServer; batch_id: string; status: Reply };

/** A batch in packs of 8 that has ended once; `answer` is told how many creates there were before. */
async function firstRound(
  answer: (request: ApiRequest, round: number) => object,
  { rows = 16, pack = 8, ...more }: { rows?: number; pack?: number; [name: string]: unknown } = {},
): Promise<Round> {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) => requests.map((request) => answer(request, api.creates.length)),
  });
  const server = await startServer({ api });
  await writeFile(path.join(server.work, 'rows.csv'), csv(rows));
  const { batch_id } = await server.ok('submit_batch', { ...work, pack, ...more });
  return { api, server, batch_id, status: await follow(server, batch_id) };
}

const answered = (request: ApiRequest, left: (row: SentRow) => boolean = () => false): object =>
  rowsIn(request).length === 0
    ? succeeded(request, `Answer ${request.custom_id}`)
    : succeeded(
        request,
        packAnswer(request, (row) => (left(row) ? undefined : `Answer ${row.id}`)),
      );

const sizes = (api: ApiServer) =>
  api.creates.map(({ requests }) => requests.map((request) => Math.max(1, rowsIn(request).length)));

async function again({ server, batch_id }: Round, options: object = {}): Promise<Reply> {
  await server.ok('retry_batch', { batch_id, ...options });
  return follow(server, batch_id);
}

async function requireAll({ server, batch_id }: Round, count = 16): Promise<void> {
  const all = await allPages(server, { batch_id });
  expect(all.map(({ text }) => text)).toEqual(
    Array.from({ length: count }, (_, index) => `Answer q${index + 1}`),
  );
}

describe('retry_batch', () => {
  const fates: { name: string; first: (request: ApiRequest) => object; type: string; after: number[] }[] = [
    {
      name: 'left out of their packs',
      first: (r) => answered(r, ({ id }) => Number(id.slice(1)) % 2 === 0),
      type: 'invalid_answer',
      after: [4, 4],
    },
    {
      name: 'of packs that say nothing that can be read',
      first: (r) => succeeded(r, 'Sorry.'),
      type: 'invalid_answer',
      after: [4, 4, 4, 4],
    },
    {
      name: 'of packs that are empty',
      first: (r) => succeeded(r, '', { content: [] }),
      type: 'empty_answer',
      after: [4, 4, 4, 4],
    },
    {
      name: 'of packs that are cut off',
      first: (r) => succeeded(r, '{"answers":[', { stop_reason: 'max_tokens' }),
      type: 'max_tokens',
      after: [4, 4, 4, 4],
    },
    {
      name: 'of packs that are refused',
      first: (r) => succeeded(r, '', { content: [], stop_reason: 'refusal' }),
      type: 'refusal',
      after: [4, 4, 4, 4],
    },
    {
      name: 'of packs of which a row is wrong',
      first: (r) => errored(r, 'invalid_request_error', 'image is broken'),
      type: 'invalid_request_error',
      after: [4, 4, 4, 4],
    },
    {
      name: 'of packs that found the API busy',
      first: (r) => errored(r, 'overloaded_error', 'Overloaded'),
      type: 'overloaded_error',
      after: [8, 8],
    },
    {
      name: 'of packs that have expired',
      first: (r) => unfinished(r, 'expired'),
      type: 'expired',
      after: [8, 8],
    },
  ];
  eachNthOf(10, fates)('sends rows $name again', async ({ first, type, after }) => {
    const round = await firstRound((request, creates) =>
      creates === 1 ? first(request) : answered(request),
    );
    expect(round.status.failures).toMatchObject([{ type }]);
    const status = await again(round);
    expect(sizes(round.api)).toEqual([[8, 8], after]);
    expect(status.outcomes.succeeded).toBe(16);
    await requireAll(round);
  });

  test('halves until rows are alone, and leaves the one that spoils its packs', async () => {
    const round = await firstRound(
      (request) =>
        rowsIn(request).some(({ id }) => id === 'q3')
          ? succeeded(request, '', { content: [], stop_reason: 'refusal' })
          : answered(request),
      { rows: 8 },
    );
    for (const size of [4, 2, 1]) {
      await again(round);
      expect(Math.max(...(sizes(round.api).at(-1) ?? []))).toBe(size);
    }
    expect(sizes(round.api)).toEqual([[8], [4, 4], [2, 2], [1, 1]]);
    expect(await round.server.fails('retry_batch', { batch_id: round.batch_id })).toMatch(/1 refusal/);
    const all = await allPages(round.server, { batch_id: round.batch_id });
    expect(all.filter(({ outcome }) => outcome !== 'succeeded')).toMatchObject([
      { task_id: 'q3', outcome: 'incomplete', error: { type: 'refusal', retryable: false } },
    ]);
  });

  test('of a cut answer keeps what came whole, and gives the rest more room', async () => {
    const round = await firstRound(
      (request, creates) => {
        const whole = packAnswer(request, ({ id }) => `Answer ${id}`);
        if (creates > 1) return succeeded(request, whole);
        return succeeded(request, whole.slice(0, whole.indexOf('"q6"')), { stop_reason: 'max_tokens' });
      },
      { rows: 8, max_tokens: 100 },
    );
    expect(round.status.outcomes).toMatchObject({ succeeded: 5, incomplete: 3 });
    await again(round);
    const longest = round.api.creates.map(({ requests }) => requests.map(({ params }) => params.max_tokens));
    expect(longest).toEqual([[1000], [675]]);
    await requireAll(round, 8);
  });

  const changes: { name: string; options: object; sent: RegExp; more?: object }[] = [
    { name: 'another model', options: { model: 'claude-haiku-5-5' }, sent: /"model":"claude-haiku-5-5"/ },
    {
      name: 'another prompt',
      options: { prompt: 'Think: {{text}}!' },
      sent: /Think: \{\{text\}\}!.*<row id=\\"q2\\">\\nQuestion 2\\n/,
    },
    {
      name: 'another prompt, of several places',
      options: { prompt: '{{id}}: {{text}}' },
      sent: /<row id=\\"q2\\">\\n<id>\\nq2\\n<\/id>\\n<text>\\nQuestion 2/,
    },
    { name: 'a system prompt', options: { system: 'Be careful.' }, sent: /"system":"Be careful\."/ },
    { name: 'longer answers', options: { max_tokens: 200 }, sent: /"max_tokens":900/ },
    { name: 'less effort', options: { effort: 'low' }, sent: /"effort":"low"/ },
  ];
  test.each(changes)('sends rows with $name', long, async ({ options, sent }) => {
    const round = await firstRound((request, creates) =>
      answered(request, ({ id }) => creates === 1 && Number(id.slice(1)) % 2 === 0),
    );
    await again(round, options);
    expect(sizes(round.api)[1]).toEqual([4, 4]);
    expect(JSON.stringify(round.api.creates[1]?.requests[0])).toMatch(sent);
    await requireAll(round);
  });

  test('checks rows by a schema that is new to them', long, async () => {
    const round = await firstRound(
      (request, creates) =>
        creates === 1
          ? succeeded(request, 'Sorry.')
          : succeeded(
              request,
              packAnswer(request, ({ id }) => ({ n: id === 'q2' ? 'two' : 1 })),
            ),
      { rows: 4, pack: 4 },
    );
    const output_schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const status = await again(round, { output_schema });
    expect(status.outcomes).toMatchObject({ succeeded: 3, incomplete: 1 });
    const { results } = await round.server.ok('get_results', { batch_id: round.batch_id, detail: 'concise' });
    expect(results[0].json).toEqual({ n: 1 });
    expect(results[1].error).toMatchObject({ type: 'invalid_answer' });
  });

  test('sends corrected rows alone, and the others without them', long, async () => {
    const round = await firstRound(
      (request, creates) => (creates === 1 ? succeeded(request, 'Sorry.') : answered(request)),
      { rows: 8 },
    );
    const requests = [{ task_id: 'q3', prompt: 'What is 3?' }];
    await again(round, { requests, outcomes: ['failed'] });
    expect(sizes(round.api)[1]).toEqual([2, 1, 4, 1]);
    await requireAll(round, 8);
  });

  test('chooses single rows, and replaces finished ones', async () => {
    const round = await firstRound((request) => answered(request));
    await again(round, { task_ids: ['q2', 'q9'], replace: true });
    expect(round.api.creates[1]?.requests.map((request) => rowsIn(request).map(({ id }) => id))).toEqual([
      ['q2', 'q9'],
    ]);
    await requireAll(round);
  });

  test('shows what it would send, and sends nothing', async () => {
    const round = await firstRound((request) => succeeded(request, 'Sorry.'));
    const { retry } = await round.server.ok('retry_batch', { batch_id: round.batch_id, dry_run: true });
    expect(retry).toMatchObject({ request_count: 16, error_types: { invalid_answer: 16 } });
    expect(retry.preview).toContain('<row id=');
    expect(round.api.creates).toHaveLength(1);
  });
});

describe('retries', () => {
  test('send rows again by themselves, in smaller packs', async () => {
    const round = await firstRound(
      (request) =>
        rowsIn(request).length > 2
          ? answered(request, ({ id }) => Number(id.slice(1)) % 4 === 0)
          : answered(request),
      { retries: 2 },
    );
    await expect.poll(() => sizes(round.api)).toEqual([[8, 8], [4], [2, 2]]);
    const status = await follow(round.server, round.batch_id);
    expect(status.outcomes.succeeded).toBe(16);
    await requireAll(round);
  });

  test('send those of refused packs too, but nothing that was refused alone', async () => {
    const round = await firstRound(
      (request) =>
        rowsIn(request).some(({ id }) => id === 'q1')
          ? succeeded(request, '', { content: [], stop_reason: 'refusal' })
          : answered(request),
      { rows: 8, pack: 2, retries: 3 },
    );
    const status = await follow(round.server, round.batch_id);
    expect(sizes(round.api)).toEqual([
      [2, 2, 2, 2],
      [1, 1],
    ]);
    expect(status.outcomes).toMatchObject({ succeeded: 7, incomplete: 1 });
  });
});

describe('a pilot in packs', () => {
  test('is taken over by the whole row by row', async () => {
    const round = await firstRound((request) => answered(request), { rows: 20, pack: 5, max_tasks: 10 });
    const estimate = await round.server.ok('estimate_cost', { ...work, pack: 5 });
    expect(estimate.reused).toMatchObject({ count: 10 });
    const whole = await round.server.ok('submit_batch', { ...work, pack: 5, output_file: 'all.csv' });
    expect(whole.reused).toMatchObject({ count: 10 });
    await follow(round.server, whole.batch_id);
    expect(sizes(round.api)).toEqual([
      [5, 5],
      [5, 5],
    ]);
    const sent = round.api.creates.flatMap(({ requests }) =>
      requests.flatMap((request) => rowsIn(request).map(({ id }) => id)),
    );
    expect(sent.toSorted()).toEqual(Array.from({ length: 20 }, (_, index) => `q${index + 1}`).toSorted());
    await requireAll({ ...round, batch_id: whole.batch_id }, 20);
  });
});
