import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { endedBatch, follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import type { Reply, TestServer } from '../harness.ts';
import { long } from '../long.ts';

const cities = ['Bern', 'Oslo', 'Rome'];
const labels = ['card', 'cash', 'loan', 'other'];
const COUNT = 240;

const answer = (index: number) => ({
  label: labels[index % 4],
  score: index / 10,
  list: ['x', index % 2 === 0 ? 'even' : 'odd'],
  nested: { deep: { ok: index % 2 === 0 } },
  id: `${index}`,
});

function results(requests: ApiRequest[]): object[] {
  return requests.map((request, index) => {
    if (index % 20 === 7) return errored(request, 'overloaded_error', 'Overloaded');
    if (index % 20 === 8) return unfinished(request, 'expired');
    return succeeded(request, JSON.stringify(answer(index)), {
      usage: { input_tokens: 1_000, output_tokens: 100 },
    });
  });
}

/** A batch of rows whose category is right in every other row. */
async function batchOfRows(): Promise<{ server: TestServer; batch_id: string }> {
  const api = await startApi({ results });
  const server = await startCheckedServer({ api });
  const rows = Array.from({ length: COUNT }, (_, i) =>
    [`r${i}`, cities[i % 3], i % 8 < 4 ? labels[i % 4] : 'card', `text ${i}`].join(','),
  );
  await writeFile(path.join(server.work, 'rows.csv'), `id,city,category,text\n${rows.join('\n')}\n`);
  const { batch_id } = await server.ok('submit_batch', {
    rows_file: 'rows.csv',
    id_column: 'id',
    prompt: '{{text}}',
    output_schema: { type: 'object', properties: { label: { type: 'string' } } },
    expect: { label: 'category' },
  });
  api.endAll();
  await follow(server, batch_id);
  return { server, batch_id };
}

const isFailed = (i: number) => i % 20 === 7 || i % 20 === 8;
const isRight = (i: number) => labels[i % 4] === (i % 8 < 4 ? labels[i % 4] : 'card');

/** What a call asks for, and which rows it means. */
const filters: [what: string, args: object, meant: (i: number) => boolean][] = [
  ['a key of the answer', { where: { 'json.label': 'card' } }, (i) => !isFailed(i) && i % 4 === 0],
  ['a key by its name alone', { where: { label: 'card' } }, (i) => !isFailed(i) && i % 4 === 0],
  ['a key within', { where: { 'json.nested.deep.ok': true } }, (i) => !isFailed(i) && i % 2 === 0],
  ['a number', { where: { 'json.score': 1.2 } }, (i) => i === 12],
  ['a number as a text', { where: { 'json.id': 12 } }, (i) => i === 12],
  ['several values', { where: { 'json.label': ['card', 'cash'] } }, (i) => !isFailed(i) && i % 4 < 2],
  ['a column', { where: { 'row.city': 'Oslo' } }, (i) => i % 3 === 1],
  ['a column by its name alone', { where: { city: 'Oslo' } }, (i) => i % 3 === 1],
  [
    'several keys',
    { where: { city: 'Oslo', label: 'loan' } },
    (i) => !isFailed(i) && i % 3 === 1 && i % 4 === 2,
  ],
  ['what is not as expected', { where: { expected: false } }, (i) => !isFailed(i) && !isRight(i)],
  ['what is', { where: { expected: true } }, (i) => !isFailed(i) && isRight(i)],
  ['an outcome', { where: { outcome: 'expired' } }, (i) => i % 20 === 8],
  ['a cause', { where: { error_type: 'overloaded_error' } }, (i) => i % 20 === 7],
  ['failed as an outcome', { where: { outcome: 'failed' } }, isFailed],
  ['a place in a list', { where: { 'json.list.1': 'odd' } }, (i) => !isFailed(i) && i % 2 === 1],
  ['nothing there', { where: { 'json.label': null } }, isFailed],
  ['a text in the answer', { search: '"LABEL":"LOAN"' }, (i) => !isFailed(i) && i % 4 === 2],
  ['outcomes', { outcomes: ['failed'] }, isFailed],
  ['ids', { task_ids: ['r3', 'r7'] }, (i) => i === 3 || i === 7],
  [
    'all together',
    { outcomes: ['succeeded'], where: { city: 'Bern' }, search: 'cash' },
    (i) => !isFailed(i) && i % 3 === 0 && i % 4 === 1,
  ],
  ['what nobody said', { where: { 'json.label': 'boat' } }, () => false],
];

const endings = ['.csv', '.json', '.jsonl', '.md', '.raw.jsonl'];

test('a call gives the answers that its filters leave, page by page and in a file', () =>
  expectSelected(4, (place) => [endings[place % endings.length] ?? '']));

test('a call gives the answers that its filters leave in every kind of file', long, () =>
  expectSelected(1, () => endings),
);

/** Selects by each `nth` filter, the one at a place into files with these endings. */
async function expectSelected(nth: number, endingsAt: (place: number) => readonly string[]): Promise<void> {
  const { server, batch_id } = await batchOfRows();
  for (const [place, [what, args, isMeant]] of filters.entries()) {
    if (place % nth !== 0) continue;
    const meant = Array.from({ length: COUNT }, (_, i) => i)
      .filter(isMeant)
      .map((i) => `r${i}`);
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: Reply = await server.ok('get_results', {
        batch_id,
        ...args,
        detail: 'concise',
        limit: 37,
        cursor,
      });
      found.push(...page.results.map(({ task_id }: Reply) => task_id));
      expect(page.totals.total, what).toBe(COUNT);
      cursor = page.next_cursor;
    }
    expect(found, what).toEqual(meant);
    const name = what.replaceAll(' ', '-');
    for (const ending of endingsAt(place)) {
      const { warnings } = await server.ok('get_results', { batch_id, ...args, output_file: name + ending });
      expect(warnings.join(), what).toEqual(
        meant.length === 0 ? expect.stringContaining('No answer matches where') : '',
      );
      const text = await readFile(path.join(server.work, name + ending), 'utf8');
      expect(idsIn(ending, text), `${what} ${ending}`).toEqual(
        ending === '.raw.jsonl' ? meant.map((id) => id.slice(1)).sort() : meant,
      );
    }
  }
}

function idsIn(ending: string, text: string): string[] {
  const lines = () =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  switch (ending) {
    case '.csv':
      return parseCsv(text)
        .slice(1)
        .map(([id = '']) => id);
    case '.json':
      return JSON.parse(text).map(({ task_id }: Reply) => task_id);
    case '.jsonl':
      return lines().map(({ task_id }) => task_id);
    case '.md':
      return [...text.matchAll(/^## (.*)$/gm)].map(([, id = '']) => id);
    default:
      // The last request has an id that was made for it: its place in the batch.
      return lines()
        .map(({ custom_id }) => (/^r\d+$/.test(custom_id) ? custom_id.slice(1) : String(COUNT - 1)))
        .sort((a, b) => a.localeCompare(b));
  }
}

test('fields are given in place of all of an answer', async () => {
  const { server, batch_id } = await batchOfRows();
  const {
    results: [first, , , , , , , failed],
    warnings,
  } = await server.ok('get_results', {
    batch_id,
    fields: ['json.label', 'city', 'json.nested', 'expected', 'error_type', 'none'],
  });
  expect(first).toEqual({
    task_id: 'r0',
    outcome: 'succeeded',
    'json.label': 'card',
    city: 'Bern',
    'json.nested': { deep: { ok: true } },
    expected: true,
    error_type: null,
    none: null,
  });
  expect(warnings.join()).toContain('No answer here has what fields names ("none"). json.key is');
  expect(failed).toMatchObject({
    task_id: 'r7',
    outcome: 'errored',
    error_type: 'overloaded_error',
    'json.label': null,
  });
});

test('json and row as fields are all of either', async () => {
  const { server, batch_id } = await batchOfRows();
  const args = { batch_id, task_ids: ['r1'], fields: ['json', 'row'] };
  const { results, warnings } = await server.ok('get_results', args);
  expect(results).toMatchObject([{ json: answer(1), row: { id: 'r1', city: 'Oslo' } }]);
  expect(warnings).toEqual([]);
  for (const where of [{ 'json.score': { gt: 1 } }, { label: { $ne: 'card' } }]) {
    expect(await server.fails('get_results', { batch_id, where })).toContain('there are no operators');
  }
});

test('a sample is spread evenly over what the filters leave', long, async () => {
  const { server, batch_id } = await batchOfRows();
  const { results, next_cursor } = await server.ok('get_results', {
    batch_id,
    sample: 12,
    detail: 'concise',
  });
  expect(next_cursor).toBeNull();
  const places = results.map(({ task_id }: Reply) => Number(task_id.slice(1)));
  expect(places).toEqual(Array.from({ length: 12 }, (_, i) => i * 20));
  const of = await server.ok('get_results', { batch_id, sample: 3, where: { label: 'cash' } });
  expect(of.results).toHaveLength(3);
  for (const { json } of of.results) expect(json.label).toBe('cash');
});

describe('group_by', () => {
  it('counts answers, dollars and what is expected, by any name', async () => {
    const { server, batch_id } = await batchOfRows();
    const by = async (group_by: string, args: object = {}) => {
      const reply = await server.ok('get_results', { batch_id, group_by, ...args });
      expect(reply.results).toEqual([]);
      return reply.groups;
    };
    const all = Array.from({ length: COUNT }, (_, i) => i);
    const label = (name: string) => all.filter((i) => !isFailed(i) && labels[i % 4] === name);
    const groups = await by('json.label');
    const sorted = [...labels].map((name) => ({ name, of: label(name) }));
    for (const { name, of } of sorted) {
      const matches = of.filter(isRight).length;
      expect(
        groups.find(({ value }: Reply) => value === name),
        name,
      ).toEqual({
        value: name,
        count: of.length,
        // 1,000 tokens in and 100 out, at half of 2 and 10 dollars per million.
        usd: expect.closeTo(of.length * 0.0015, 9),
        expected: { of: of.length, matches, share: Math.round((matches / of.length) * 10_000) / 10_000 },
      });
    }
    expect(groups.find(({ value }: Reply) => value === null)).toMatchObject({
      count: all.filter(isFailed).length,
      usd: 0,
      succeeded: 0,
    });
    expect((await by('outcome')).map(({ value, count }: Reply) => [value, count])).toEqual([
      ['succeeded', 216],
      ['errored', 12],
      ['expired', 12],
    ]);
    expect((await by('row.city')).map(({ count }: Reply) => count)).toEqual([80, 80, 80]);
    expect(
      (await by('city', { outcomes: ['failed'] })).reduce((sum: number, { count }: Reply) => sum + count, 0),
    ).toBe(24);
    const wrong = await server.ok('get_results', { batch_id, group_by: 'json.lable' });
    expect(wrong.warnings.join(' ')).toMatch(/No answer has what group_by names \("json.lable"\)/);
    const many = await server.ok('get_results', { batch_id, group_by: 'task_id' });
    expect(many).toMatchObject({ group_count: COUNT });
    expect(many.warnings.join(' ')).toMatch(/Only the 50 most frequent of 240 groups/);
  });
});

test('batch_status of what has ended says what is where, what failed, and the one call that mends it', async () => {
  const passing = ['overloaded_error', 'api_error', 'timeout_error', 'rate_limit_error'];
  const types = [...passing, 'not_found_error', 'permission_error', 'request_too_large', 'new_error'];
  const failing: [what: string, line: (request: ApiRequest) => object, says: RegExp, count?: number][] = [
    [
      'for more causes than are named',
      (r) => errored(r, types[Number(r.custom_id.replace(/\D/g, '')) % types.length] ?? '', 'x'),
      /16 of 18 tasks have no finished answer \((?:2 \w+, ){4}and others\)\. Call retry_batch with batch_id \S+: it sends the 8 that can/,
      16,
    ],
    [
      'what passes',
      (r) => errored(r, 'overloaded_error', 'x'),
      /2 of 4 tasks have no finished answer \(2 overloaded_error\)\. Call retry_batch with batch_id \S+: it sends them again/,
    ],
    [
      'what was cut off',
      (r) => succeeded(r, 'It', { stop_reason: 'max_tokens' }),
      /\(2 max_tokens\)\. Call retry_batch/,
    ],
    [
      'what stays wrong',
      (r) => errored(r, 'invalid_request_error', 'x'),
      /\(2 invalid_request_error\).*get_results with batch_id \S+ and outcomes \["failed"\]/,
    ],
  ];
  for (const [what, line, says, count = 2] of failing) {
    const { server, batch_id } = await endedBatch(
      prompts(ids(count + 2)),
      (requests) =>
        requests.map((request, index) => (index < count ? line(request) : succeeded(request, 'fine'))),
      { submit: { output_file: 'out.csv' } },
    );
    const status = await follow(server, batch_id);
    expect(status.next_step, what).toMatch(/written to output_files/);
    expect(status.next_step, what).toMatch(says);
    expect(status.output_files, what).toEqual([path.join(server.work, 'out.csv')]);
    expect(JSON.stringify(status).length, what).toBeLessThan(1_500);
  }
});

describe('after a retry', () => {
  async function retried(change: (file: string) => Promise<void>, args: object = {}) {
    let round = 0;
    const api = await startApi({
      results: (requests) => {
        round += 1;
        return requests.map((request, index) =>
          round === 1 && index === 1 ? unfinished(request, 'expired') : succeeded(request, `round ${round}`),
        );
      },
    });
    const server = await startCheckedServer({ api });
    const { batch_id } = await server.ok('submit_batch', {
      requests: prompts(ids(3)),
      output_file: 'at-end.jsonl',
    });
    api.endAll();
    await follow(server, batch_id);
    await server.ok('get_results', { batch_id, output_file: 'later.jsonl', ...args });
    await change(path.join(server.work, 'later.jsonl'));
    await server.ok('retry_batch', { batch_id });
    api.endAll();
    const status = await follow(
      server,
      batch_id,
      ({ output_files, results_state, progress, warnings }) =>
        results_state === 'saved' && !progress && (output_files.length === 2 || warnings.length > 0),
    );
    const read = (name: string) => readFile(path.join(server.work, name), 'utf8');
    return { status, read };
  }

  it('our own files that nobody changed are written again by themselves, those of a filter by it', async () => {
    const { status, read } = await retried(async () => {}, { task_ids: ['t002'] });
    expect(status.warnings).toEqual([]);
    expect(await read('at-end.jsonl')).toMatch(/round 1[\s\S]*round 2[\s\S]*round 1/);
    const lines = (await read('later.jsonl')).trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/t002.*round 2/);
  });

  it('one that was edited is left as it is, which is said', long, async () => {
    const { status, read } = await retried((file) => writeFile(file, 'mine'));
    expect(await read('later.jsonl')).toBe('mine');
    expect(status.warnings.join(' ')).toMatch(/later\.jsonl was not written.*before the last retry/);
  });

  it('one that was removed is written anew', async () => {
    const { read } = await retried((file) => rm(file));
    expect(await read('later.jsonl')).toMatch(/round 2/);
  });
});
