import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { answering, endedBatch, follow, prompts } from '../api.ts';
import { eachNth, long } from '../long.ts';
import { expectRefusal, type Given, type Row, refusalOf } from './refusal.ts';

/** As a text ends that was cut within an emoji. */
const HALF = 'great \ud83d';
const LOW = '\ude00 day';

const requests = (...items: unknown[]) => ({ requests: items });
const native = (change: object) =>
  requests({
    custom_id: 'a',
    params: {
      model: 'claude-haiku-5-5',
      max_tokens: 10,
      messages: [{ role: 'user', content: 'Hi' }],
      ...change,
    },
  });

/** The same in a file, where such a half is an escape. */
const inFile =
  (name: string, text: string, args: object = {}): Given =>
  async ({ work }) => {
    await writeFile(path.join(work, name), text);
    return { ...(name.startsWith('rows') ? { rows_file: name } : { requests_file: name }), ...args };
  };

describe('half a surrogate pair is found while checking', () => {
  const rows: Row[] = [
    [
      'in a prompt',
      requests({ task_id: 'a', prompt: HALF }),
      'requests[0] (a): prompt: holds half of a character',
    ],
    ['the lower half', requests({ task_id: 'a', prompt: LOW }), 'requests[0] (a): prompt: holds half'],
    ['in a system prompt', requests({ task_id: 'a', prompt: 'x', system: HALF }), '(a): system: holds half'],
    [
      'in the input',
      requests({ task_id: 'a', task_type: 'analyze_logs', input_data: { logs: ['x', { line: HALF }] } }),
      '(a): input_data.logs[1].line: holds half',
    ],
    [
      'in a key of the input',
      requests({ task_id: 'a', prompt: 'x', input_data: { [HALF]: 1 } }),
      '(a): input_data["great \\ud83d"]: holds half',
    ],
    [
      'in an item of classify_bulk',
      requests({ task_id: 'a', task_type: 'classify_bulk', input_data: { items: ['x', HALF] } }),
      '(a): input_data.items[1]: holds half',
    ],
    [
      'in a label',
      requests({
        task_id: 'a',
        task_type: 'classify_bulk',
        input_data: { items: ['x'], labels: ['y', HALF] },
      }),
      '(a): input_data.labels[1]: holds half',
    ],
    [
      'in a schema',
      requests({ task_id: 'a', prompt: 'x', output_schema: { type: 'object', description: HALF } }),
      '(a): output_schema.description: holds half',
    ],
    [
      "in a schema's key",
      requests({ task_id: 'a', prompt: 'x', output_schema: { type: 'object', properties: { [HALF]: {} } } }),
      '(a): output_schema.properties[',
    ],
    ['in a task id', requests({ task_id: HALF, prompt: 'x' }), 'requests[0]: task_id: holds half'],
    [
      'in a task type',
      requests({ task_id: 'a', task_type: HALF, input_data: { x: 1 } }),
      '(a): task_type: holds half',
    ],
    [
      'in a native text',
      native({ messages: [{ role: 'user', content: HALF }] }),
      '(a): params.messages[0].content: holds half',
    ],
    [
      'in a native block',
      native({ messages: [{ role: 'user', content: [{ type: 'text', text: HALF }] }] }),
      '(a): params.messages[0].content[0].text: holds half',
    ],
    [
      'in a native system',
      native({ system: [{ type: 'text', text: HALF }] }),
      '(a): params.system[0].text: holds',
    ],
    [
      'in native metadata',
      native({ metadata: { user_id: HALF } }),
      '(a): params.metadata.user_id: holds half',
    ],
    [
      'in the shared prompt',
      { prompt: `${HALF} {{x}}`, requests: [{ task_id: 'a', input_data: { x: 1 } }] },
      '- prompt: holds half',
    ],
    [
      'in the shared system',
      { system: HALF, ...requests({ task_id: 'a', prompt: 'x' }) },
      '- system: holds half',
    ],
    [
      'in the shared input',
      { input_data: { x: HALF }, ...requests({ task_id: 'a', prompt: 'x' }) },
      '- input_data.x: holds half',
    ],
    [
      'in the shared labels',
      { labels: ['good', HALF], ...requests({ task_id: 'a', prompt: 'x' }) },
      'labels: holds half of a character (half a surrogate pair) in label 2',
    ],
    [
      'in a line of a file',
      inFile('a.jsonl', `{"task_id":"x","prompt":"y"}\n{"task_id":"a","prompt":"great \\uD83d"}\n`),
      'line 2 (a): prompt: holds half',
    ],
    [
      'in a native line of a file',
      inFile(
        'a.jsonl',
        '{"custom_id":"a","params":{"model":"claude-haiku-5-5","max_tokens":9,"messages":[{"role":"user","content":"\\udc00"}]}}',
      ),
      'line 1 (a): params.messages[0].content: holds half',
    ],
    [
      'in an array in a file',
      inFile('a.json', '[{"task_id":"a","prompt":"great \\ud83d"}]'),
      'item 1 (a): prompt: holds half',
    ],
    [
      'in a row of JSON lines',
      inFile('rows.jsonl', '{"text":"x"}\n{"text":"great \\ud83d"}', { prompt: 'Label {{text}}' }),
      'row 2 (row_2): text: holds half',
    ],
    [
      'in a row of a JSON array',
      inFile('rows.json', '[{"text":"great \\ud83d"}]', { prompt: 'Label {{text}}' }),
      'row 1 (row_1): text: holds half',
    ],
  ];
  eachNth(3, rows)('%s', (...row) => expectRefusal(row));

  it('but not in whole pairs, nor in what only looks like an escape', async () => {
    const good = inFile(
      'a.jsonl',
      '{"task_id":"a","prompt":"\\ud83d\\ude00 😀"}\n{"task_id":"b","prompt":"a \\\\ud83d in a regexp"}\n{"task_id":"c"}',
    );
    const text = await refusalOf(good);
    expect(text).not.toContain('half');
    expect(text).toContain('line 3 (c)');
  });
});

describe('half a character in an answer', () => {
  type Outputs = { output_file?: string; output_pattern?: string };
  eachNth<[what: string, args: Outputs, text: string, says: RegExp | null]>(3, [
    [
      'is said of a .csv',
      { output_file: 'a.csv' },
      HALF,
      /1 half of a character .* became U\+FFFD in .*a\.csv/,
    ],
    ['is said of a .md', { output_file: 'a.md' }, `${HALF}${HALF}`, /2 halves of characters .*a\.md/],
    [
      'is said of files of answers',
      { output_pattern: 'a/{{task_id}}.txt' },
      LOW,
      /1 half of a character .*output_pattern/,
    ],
    ['stands in a .json', { output_file: 'a.json' }, HALF, null],
    ['stands in a .jsonl', { output_file: 'a.jsonl' }, HALF, null],
    ['is none in a whole pair', { output_file: 'a.csv' }, 'great \ud83d\ude00', null],
  ])('%s', async (_what, args, text, says) => {
    const { server, batch_id } = await endedBatch(prompts(['a']), answering(text));
    await follow(server, batch_id);
    const { warnings } = await server.ok('get_results', { batch_id, ...args });
    if (says === null) expect(warnings).toEqual([]);
    else expect(warnings).toEqual([expect.stringMatching(says)]);
    // Also who looks later is told.
    expect((await server.ok('batch_status', { batch_id })).warnings).toEqual(warnings);
    if (args.output_file === undefined) return;
    const written = await readFile(path.join(server.work, args.output_file), 'utf8');
    expect(written.includes('\ufffd')).toBe(says !== null);
  });

  it('is kept in a file that holds what is too long for a reply', long, async () => {
    const text = `${'x'.repeat(9_000)}${HALF}`;
    const { server, batch_id } = await endedBatch(prompts(['a']), answering(text));
    await follow(server, batch_id);
    const { results } = await server.ok('get_results', { batch_id });
    expect(JSON.parse(await readFile(results[0].cut.file, 'utf8'))).toBe(text);
  });
});
