import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { parseCsv } from '../csv.ts';
import { eachNth, long } from '../long.ts';
import { sharedData } from '../shared-data.ts';
import { expectRefusal, type Given, type Row } from './refusal.ts';

const work = { requests: [{ task_id: 'a', prompt: 'Label this.' }] };

const file = (name: string, content: string, args: object = {}): Given => {
  return async (server) => {
    await writeFile(path.join(server.work, name), content);
    return { ...work, labels: name, ...args };
  };
};

describe('labels', () => {
  eachNth<[what: string, given: Given, said?: RegExp]>(6, [
    ['a list', { ...work, labels: ['x', 'y z'] }],
    ['JSON in a text', { ...work, labels: ' ["x","y z"] ' }],
    ['a JSON file', file('l.json', '["x","y z"]')],
    ['a text file', file('l.txt', 'x\n\ny z\n')],
    ['a CSV of one column', file('l.csv', 'label\nx\ny z\n')],
    [
      'a CSV with a head of two words',
      file('l.csv', 'Ticket category\nx\ny z\n'),
      /"Ticket category", was taken as the header line.* 2 labels were read/,
    ],
    [
      'a TSV with a head in one word of two',
      file('l.tsv', 'intentName\nx\ny z\n'),
      /"intentName", was taken as the header line/,
    ],
    [
      'a CSV without a header line',
      file('l.csv', '"x"\ny z\n'),
      /"x", was taken as a label.* 2 labels were read/,
    ],
  ])('as %s are the one choice of every answer', async (_what, given, said) => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const { warnings } = await server.ok(
      'submit_batch',
      typeof given === 'function' ? await given(server) : given,
    );
    const told = warnings.filter((each: string) => each.startsWith('The first line of labels'));
    expect(told).toEqual(said === undefined ? [] : [expect.stringMatching(said)]);
    expect(api.creates[0]?.requests[0]?.params.output_config).toEqual({
      effort: 'low',
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { label: { type: 'string', enum: ['x', 'y z'] } },
          required: ['label'],
          additionalProperties: false,
        },
      },
    });
  });

  const table: Row[] = [
    ['none', { ...work, labels: [] }, 'labels: holds no label'],
    ['one twice', { ...work, labels: ['x', 'y', 'x'] }, 'labels: has "x" twice (1 and 3)'],
    ['one twice but for blanks', { ...work, labels: ['x', ' x'] }, 'labels: has "x" twice (1 and 2)'],
    ['one twice but for how it is composed', { ...work, labels: ['é', 'e\u0301'] }, 'labels: has "é" twice'],
    ['a blank one', { ...work, labels: ['x', ' '] }, 'labels: has no text as label 2'],
    ['no texts', { ...work, labels: [{}] }, 'labels'],
    ['a file that is missing', { ...work, labels: 'none.json' }, 'not_found', 'none.json'],
    ['a file outside', { ...work, labels: '/etc/labels.json' }, 'not_allowed'],
    ['a file of more columns', file('l.csv', 'a,b\n1,2\n'), 'labels: has several columns (a, b)'],
    ['a file of numbers', file('l.json', '[1,2]'), 'labels: row 1 is a number'],
    ['an empty file', file('l.txt', ''), 'labels: is empty'],
    ['several on one line', file('l.txt', 'x, y, z\n'), 'labels: holds several labels on one line'],
    ['several on one line of JSON', file('l.json', '["x;y"]'), 'labels: holds several labels on one line'],
    ['a list with bullets', file('l.txt', '- x\n- y\n'), 'labels: has a bullet before each label'],
    ['a comment', file('l.txt', '# ours\nx\ny\n'), 'labels: has a comment in the place of label 1'],
    ['a comment among them', file('l.txt', 'x\n// others\ny\n'), 'a comment in the place of label 2'],
    [
      'beside a schema',
      { ...work, labels: ['x'], output_schema: { type: 'object' } },
      'output_schema: is given together with labels',
    ],
    [
      'with classify_bulk',
      {
        requests: [{ task_id: 'a', input_data: { items: ['x'] } }],
        task_type: 'classify_bulk',
        labels: ['x'],
      },
      'labels: does not go with classify_bulk',
    ],
  ];
  eachNth(3, table)('are refused: %s', (...row) => expectRefusal(row));
});

describe('a single label', () => {
  eachNth<[what: string, given: Given]>(2, [
    ['in a list', { ...work, labels: ['x'] }],
    ['in a file', file('l.json', '["x"]')],
    ['in a text', { ...work, labels: '["x"]' }],
  ])('is told to be every answer: %s', async (_what, given) => {
    const server = await startCheckedServer({ api: await startApi() });
    const { warnings } = await server.ok(
      'estimate_cost',
      typeof given === 'function' ? await given(server) : given,
    );
    expect(warnings).toContain(
      'labels holds one label alone, so every answer is "x", whatever the task says.',
    );
  });
});

it('3,080 real questions become a labelled CSV, in four calls', long, async ({ skip }) => {
  const questions = sharedData('banking77/test.csv');
  const categories = sharedData('banking77/categories.json');
  if (questions.missing) skip(questions.missing);
  const server = await startCheckedServer({
    argv: ['--allow-dir', path.dirname(questions.file)],
    sandboxSeconds: 0,
  });
  const args = {
    rows_file: questions.file,
    prompt: 'Which intent has this question of a customer of a bank?\n\n{{text}}',
    labels: categories.file,
    model_tier: 'cheap',
  };
  const replies = [
    await server.call('estimate_cost', args),
    await server.call('submit_batch', {
      ...args,
      sandbox: true,
      output_file: path.join(server.work, 'labelled.csv'),
    }),
  ];
  const { batch_id } = replies[1]?.reply ?? {};
  replies.push(await server.call('batch_status', { batch_id, wait_seconds: 20 }));
  expect(replies.filter(({ isError }) => isError).map(({ text }) => text)).toEqual([]);

  const [head, ...rows] = parseCsv(await readFile(path.join(server.work, 'labelled.csv'), 'utf8'));
  const [, ...given] = parseCsv(await readFile(questions.file, 'utf8'));
  expect(head?.slice(0, 5)).toEqual(['task_id', 'text', 'category', 'label', 'outcome']);
  expect(rows.map(([, text, category]) => [text, category])).toEqual(given);
  const labels = new Set(JSON.parse(await readFile(categories.file, 'utf8')));
  expect(rows.filter(([, , , label]) => !labels.has(label))).toEqual([]);
});
