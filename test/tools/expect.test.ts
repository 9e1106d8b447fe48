import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { eachNth } from '../long.ts';
import { expectRefusal, type Given, type Row } from './refusal.ts';

const table = 'id,text,right,n,note\n1,a,x,5,\n2,b,x,5.0,\n3,c,y,6,\n4,d,,7,\n5,e,z,8,\n';

const schema = {
  type: 'object',
  properties: { label: { type: 'string' }, n: { type: 'number' }, note: { type: 'string' } },
};

async function judged(args: object, said: string[]) {
  const api = await startApi({
    results: (requests) =>
      requests.map((request, index) =>
        index < said.length
          ? succeeded(request, said[index] ?? '')
          : succeeded(request, 'cut', { stop_reason: 'max_tokens' }),
      ),
  });
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 't.csv'), table);
  const { batch_id } = await server.ok('submit_batch', { rows_file: 't.csv', prompt: '{{text}}', ...args });
  api.endAll();
  const whole = await server.ok('get_results', { batch_id });
  const summary = await server.ok('get_results', { batch_id, detail: 'summary' });
  const out = async (name: string) => {
    await server.ok('get_results', { batch_id, output_file: name });
    return readFile(path.join(server.work, name), 'utf8');
  };
  return { whole, summary, out };
}

describe('expect', () => {
  it('of what no answer can be is said before it is paid', async () => {
    const server = await startCheckedServer();
    await writeFile(path.join(server.work, 'lost.csv'), 'text,right\na,card lost\nb,refund\nc,\n');
    const work = { rows_file: 'lost.csv', prompt: '{{text}}', labels: ['refund', 'card_lost'] };
    const { warnings } = await server.ok('estimate_cost', { ...work, expect: { label: 'right' } });
    const said = 'expect: what column "right" holds is none of the 2 values that "label" can have';
    expect(warnings).toContain(`${said}, so no answer can be as expected there (1 task)`);
  });

  eachNth<[first: object, then: object, said: RegExp | null]>(3, [
    [{}, { expect: { label: 'right' } }, /expect is ignored: that batch compares its answers with no column/],
    [
      { expect: { label: 'right' } },
      { expect: { label: 'note' } },
      /keeps its own expect, {"label":"right"}/,
    ],
    [{ expect: { label: 'right' } }, { expect: { label: 'right' } }, null],
    [{ expect: { label: 'right' } }, {}, null],
  ])('of a duplicate: %j, then %j', async (first, then, said) => {
    const server = await startCheckedServer();
    await writeFile(path.join(server.work, 't.csv'), table);
    const work = { rows_file: 't.csv', prompt: '{{text}}', output_schema: schema, sandbox: true };
    await server.ok('submit_batch', { ...work, ...first });
    const again = await server.ok('submit_batch', { ...work, ...then });
    expect(again.duplicate).toBe(true);
    if (said === null) expect(again.warnings.join('\n')).not.toContain('expect');
    else expect(again.warnings.join('\n')).toMatch(said);
  });

  it('says of each finished answer whether it is as its row has it, and how many are', async () => {
    const said = ['x', 'y', 'y', 'x'].map((label) => JSON.stringify({ label }));
    const { whole, summary, out } = await judged({ output_schema: schema, expect: { label: 'right' } }, said);
    expect(whole.results.map(({ expected }: { expected?: boolean }) => expected)).toEqual([
      true,
      false,
      true,
      undefined,
      undefined,
    ]);
    expect(summary.expected).toEqual({
      of: 3,
      matches: 2,
      share: 0.6667,
      worst: [
        { key: 'label', expected: 'x', of: 2, matches: 1, share: 0.5, instead: [{ said: 'y', count: 1 }] },
      ],
    });
    const [head = [], ...rows] = parseCsv(await out('o.csv'));
    expect(head.slice(0, 10)).toEqual([
      'task_id',
      'id',
      'text',
      'right',
      'n',
      'note',
      'label',
      'answer',
      'expected',
      'outcome',
    ]);
    expect(rows.map((row) => row[8])).toEqual(['true', 'false', 'true', '', '']);
    const lines = (await out('o.jsonl')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).expected)).toEqual([true, false, true, undefined, undefined]);
    expect(JSON.parse(await out('o.json'))[1]).toMatchObject({ expected: false });
    expect((await out('o.md')).match(/not as expected/g)).toHaveLength(1);
  });

  it('compares several keys at once, each by what it is', async () => {
    const said = [
      '{"label":" x ","n":5.0}',
      '{"label":"x","n":5}',
      '{"label":"Y","n":6}',
      '{"label":"x","n":7}',
      '{"label":"z"}',
    ];
    const { whole, summary } = await judged(
      { output_schema: schema, expect: { label: 'right', n: 'n' } },
      said,
    );
    expect(whole.results.map(({ expected }: { expected?: boolean }) => expected)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(summary.expected.keys).toEqual({
      label: { of: 4, matches: 3, share: 0.75 },
      n: { of: 5, matches: 4, share: 0.8 },
    });
  });

  it('compares texts as the key answer', async () => {
    const { summary } = await judged({ expect: { answer: 'right' } }, ['x', 'x\n', 'y', '', 'z']);
    expect(summary.expected).toMatchObject({ of: 4, matches: 4, share: 1, worst: [] });
  });

  const given = (args: object): Given => {
    return async (server) => {
      await writeFile(path.join(server.work, 't.csv'), table);
      return { rows_file: 't.csv', prompt: '{{text}}', ...args };
    };
  };
  const refused: Row[] = [
    [
      'a column that is none',
      given({ labels: ['x'], expect: { label: 'rihgt' } }),
      'expect: "rihgt" is not a column',
      'did you mean "right"',
    ],
    [
      'a key that is none',
      given({ labels: ['x'], expect: { lable: 'right' } }),
      'expect: "lable" is not a key',
      'label',
    ],
    ['a key of texts', given({ expect: { label: 'right' } }), 'expect: "label" is not a key', 'answer'],
    [
      'files',
      { input_files: ['*'], prompt: 'x', expect: { answer: 'path' } },
      'expect: goes with rows_file only',
    ],
    ['tasks', { requests: ['x'], expect: { answer: 'a' } }, 'expect: goes with rows_file only'],
    ['no column', given({ expect: { answer: '' } }), 'expect'],
    ['a list', given({ expect: ['right'] }), 'expect'],
  ];
  it.each(refused)('is refused: %s', (...row) => expectRefusal(row));
});
