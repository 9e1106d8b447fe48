import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { long } from '../long.ts';

const schema = {
  type: 'object',
  properties: { label: { type: 'string' }, why: { type: 'string' }, n: { type: 'number' } },
};
const table = `id,text,right,A.label\n${Array.from({ length: 8 }, (_, index) => `r/${index},text ${index},${'xxyyxyxx'[index]},old ${index}\n`).join('')}`;
/** What each variant says of each row; `-` is a failure. */
const said = { A: 'xxyyxyx-', B: 'xxyyyxyx', C: 'zzzzzzzz' };
const LONG = 'A reason as long as reasons are, which no two graders would give alike: '.repeat(2);

function answer(request: ApiRequest) {
  const [, name = '', row = ''] = /^(\w) text (\d)/.exec(promptOf(request)) ?? [];
  const label =
    Object.entries(said)
      .find(([variant]) => variant === name)?.[1]
      .charAt(Number(row)) ?? '';
  return label === '-'
    ? errored(request, 'api_error', 'Oh')
    : succeeded(request, JSON.stringify({ label, why: `${LONG}${name}`, n: name === 'A' ? 1.5 : 1 }));
}

function promptOf({ params }: ApiRequest): string {
  const [message] = Array.isArray(params.messages) ? params.messages : [];
  return typeof message?.content === 'string' ? message.content : '';
}

async function compared(names: string[], how: object = {}) {
  const api = await startApi({ endsAtOnce: true, results: (requests) => requests.map(answer) });
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 't.csv'), table);
  const variants = Object.fromEntries(names.map((name) => [name, { prompt: `${name} {{text}}` }]));
  const work = {
    rows_file: 't.csv',
    id_column: 'id',
    output_schema: schema,
    expect: { label: 'right' },
    variants,
  };
  const { batch_id } = await server.ok('submit_batch', { ...work, ...how });
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  const read = (name: string) => readFile(path.join(server.work, name), 'utf8');
  return { server, batch_id, read };
}

describe('the answers to variants', () => {
  it('stand in a .csv as one line per row, with a group of columns for each', async () => {
    const { server, batch_id, read } = await compared(['A', 'B'], { output_file: 'out.csv' });
    const [head = [], ...rows] = parseCsv(await read('out.csv'));
    const group = (name: string) =>
      [
        'label',
        'why',
        'n',
        'expected',
        'outcome',
        'error_type',
        'error_message',
        'model',
        'input_tokens',
        'output_tokens',
      ].map((key) => `${name}.${key}`);
    const [clash, ...others] = group('A');
    expect(head).toEqual([
      'task_id',
      'id',
      'text',
      'right',
      'A.label',
      `answer.${clash}`,
      ...others,
      ...group('B'),
    ]);
    const cells = rows.map((row) => Object.fromEntries(head.map((name, index) => [name, row[index]])));
    expect(cells).toHaveLength(8);
    expect(cells.map((row) => row.task_id)).toEqual(Array.from({ length: 8 }, (_, index) => `r/${index}`));
    expect(cells.map((row) => row['B.label']).join('')).toBe(said.B);
    expect(cells[2]).toMatchObject({
      id: 'r/2',
      'A.label': 'old 2',
      'answer.A.label': 'y',
      'A.n': '1.5',
      'B.expected': 'true',
    });
    expect(cells[7]).toMatchObject({
      'answer.A.label': '',
      'A.outcome': 'errored',
      'A.error_type': 'api_error',
      'B.outcome': 'succeeded',
    });
    // A filter that leaves one variant alone leaves the columns where they are.
    await server.ok('get_results', { batch_id, where: { variant: 'B' }, output_file: 'b.csv' });
    const [same, first] = parseCsv(await read('b.csv'));
    expect(same).toEqual(
      head.filter((name) => !/^(answer\.)?A\.(label|why|n|expected)$/.test(name) || name === 'A.label'),
    );
    expect(first).toContain('x');
  });

  it(
    'stand in .json and .jsonl as one object per row, and one by one in .md and under a key',
    long,
    async () => {
      const { server, batch_id, read } = await compared(['A', 'B']);
      for (const output_file of ['o.jsonl', 'o.json', 'o.md'])
        await server.ok('get_results', { batch_id, output_file });
      await server.ok('get_results', { batch_id, output_file: 'k.csv', output_key: 'label' });
      const lines = (await read('o.jsonl'))
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line));
      expect(lines).toHaveLength(8);
      expect(lines[7]).toMatchObject({
        task_id: 'r/7',
        id: 'r/7',
        'A.label': 'old 7',
        'A.outcome': 'errored',
        'B.label': 'x',
        'B.usage': { input_tokens: expect.any(Number) },
      });
      const list: unknown = JSON.parse(await read('o.json'));
      expect(list).toHaveLength(8);
      expect(list).toMatchObject([
        { task_id: 'r/0', 'A.success': true, 'B.label': 'x', 'B.output': { json: { label: 'x' } } },
        ...Array.from({ length: 7 }, () => ({})),
      ]);
      expect((await read('o.md')).match(/^## .*$/gm)).toHaveLength(16);
      const [head = [], ...rows] = parseCsv(await read('k.csv'));
      expect(rows).toHaveLength(16);
      expect(rows.map((row) => row[head.indexOf('variant')]).join('')).toBe('AB'.repeat(8));
    },
  );

  it('are counted by variant, with how far they agree and what chance alone would give', async () => {
    const { server, batch_id } = await compared(['A', 'B']);
    const { groups, agreement } = await server.ok('get_results', { batch_id, group_by: 'variant' });
    expect(groups).toMatchObject([
      { value: 'A', count: 8, succeeded: 7, usd: expect.any(Number), expected: { of: 7, matches: 7 } },
      { value: 'B', count: 8, expected: { of: 8, matches: 5 } },
    ]);
    // Seven rows with both; A says x four times, B four times y: chance gives (4·3 + 3·4) / 49.
    const kappa = (4 / 7 - 24 / 49) / (1 - 24 / 49);
    expect(agreement).toEqual([
      {
        variants: ['A', 'B'],
        key: 'label',
        of: 7,
        agree: 4,
        share: 0.5714,
        kappa: Math.round(kappa * 10_000) / 10_000,
      },
      { variants: ['A', 'B'], key: 'n', of: 7, agree: 0, share: 0, kappa: 0 },
    ]);
    const filtered = await server.ok('get_results', {
      batch_id,
      group_by: 'variant',
      where: { 'row.right': 'y' },
    });
    expect(filtered.agreement[0]).toMatchObject({ key: 'label', of: 3, agree: 2 });
    expect(await server.ok('get_results', { batch_id, group_by: 'json.label' })).not.toHaveProperty(
      'agreement',
    );
  });

  it('of more than two are compared two at a time; one word for all is no agreement beyond chance', async () => {
    const { server, batch_id } = await compared(['A', 'B', 'C']);
    const { agreement } = await server.ok('get_results', { batch_id, group_by: 'variant' });
    const pairs = agreement.filter(({ key }: { key: string }) => key === 'label');
    expect(pairs.map(({ variants }: { variants: string[] }) => variants.join(''))).toEqual([
      'AB',
      'AC',
      'BC',
    ]);
    expect(pairs[2]).toMatchObject({ of: 8, agree: 0, kappa: 0 });
    const same = agreement.find(
      ({ variants, key }: { variants: string[]; key: string }) => variants.join('') === 'BC' && key === 'n',
    );
    expect(same).toMatchObject({ of: 8, agree: 8, share: 1, kappa: null });
  });
});

/** How often two graders say yes or no of fifty rows, and what their kappa is by hand. */
const tables: [
  what: string,
  both: number,
  first: number,
  second: number,
  none: number,
  kappa: number | null,
][] = [
  ['Cohen’s own kind of table', 20, 5, 10, 15, 0.4],
  ['all alike', 30, 0, 0, 20, 1],
  ['one label alone', 50, 0, 0, 0, null],
  ['never alike', 0, 25, 25, 0, -1],
  ['as by chance', 20, 20, 5, 5, 0],
  ['one of them always the same', 30, 20, 0, 0, 0],
  ['nearly all one label', 48, 1, 1, 0, -0.0204],
];

it('tells the kappa of a table as it is by hand', async () => {
  const sayings = tables.map(([, both, first, second]) =>
    Array.from({ length: 50 }, (_, row) => {
      const a = row < both + first;
      return { A: a, B: a ? row < both : row < both + first + second };
    }),
  );
  const keys = tables.map((_, index) => `k${index}`);
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((request) => {
        const [, name = '', row = '0'] = /^(\w) text (\d+)/.exec(promptOf(request)) ?? [];
        const said = keys.map((key, index) => {
          const both = sayings[index]?.[Number(row)];
          return [key, (name === 'A' ? both?.A : both?.B) ? 'yes' : 'no'];
        });
        return succeeded(request, JSON.stringify(Object.fromEntries(said)));
      }),
  });
  const server = await startCheckedServer({ api });
  const rows = Array.from({ length: 50 }, (_, row) => `r${row},text ${row}\n`).join('');
  await writeFile(path.join(server.work, 't.csv'), `id,text\n${rows}`);
  const { batch_id } = await server.ok('submit_batch', {
    rows_file: 't.csv',
    id_column: 'id',
    output_schema: {
      type: 'object',
      properties: Object.fromEntries(keys.map((key) => [key, { type: 'string' }])),
    },
    variants: { A: { prompt: 'A {{text}}' }, B: { prompt: 'B {{text}}' } },
  });
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  const { agreement } = await server.ok('get_results', { batch_id, group_by: 'variant' });
  expect(
    agreement.map(({ key, of, agree, kappa }: Record<string, unknown>) => [key, of, agree, kappa]),
  ).toEqual(tables.map(([, both, , , none, kappa], index) => [keys[index], 50, both + none, kappa]));
});
