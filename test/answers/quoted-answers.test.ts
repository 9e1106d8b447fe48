import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { eachNth, long } from '../long.ts';
import { refusalOf } from '../tools/refusal.ts';

const quoting = {
  type: 'object',
  $defs: { quote: { type: 'string', 'x-in-input': true } },
  properties: {
    quote: { type: 'string', 'x-in-input': true },
    all: { type: 'array', items: { type: 'string', 'x-in-input': true } },
    listed: { type: 'array', items: { type: 'array', items: { type: 'string' } }, 'x-in-input': true },
    kept: { type: 'object', properties: { quote: { type: 'string' } }, 'x-in-input': true },
    either: { anyOf: [{ $ref: '#/$defs/quote' }, { type: 'null' }] },
    codes: {
      type: 'array',
      items: { type: 'object', properties: { quote: { type: 'string', 'x-in-input': true } } },
    },
  },
};

const measured = {
  type: 'object',
  properties: {
    meta: { type: 'string', 'x-max-column': 'most' },
    metas: { type: 'array', items: { type: 'string' }, 'x-max-column': 'most' },
  },
};

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

async function judged(
  work: object,
  answer: (request: ApiRequest) => unknown,
  files: Record<string, string | Buffer> = {},
) {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) => requests.map((request) => succeeded(request, JSON.stringify(answer(request)))),
  });
  const server = await startCheckedServer({ api });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(server.work, name)), { recursive: true });
    await writeFile(path.join(server.work, name), content);
  }
  const sent = await server.ok('submit_batch', { output_schema: quoting, ...work });
  const { batch_id } = sent;
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  const found = await server.ok('get_results', { batch_id, detail: 'concise' });
  return { api, server, sent, batch_id, found };
}

const rows = { rows_file: 't.csv', prompt: 'Quote what matters: {{text}}' };
const table = (text: string, most = '') => ({ 't.csv': `text,most\n"${text}",${most}\n` });

describe('x-in-input', () => {
  eachNth<[what: string, text: string, answer: object, fits: boolean]>(9, [
    ['a quote word for word', 'I was very tired then.', { quote: 'very tired' }, true],
    ['a made-up one', 'I was very tired then.', { quote: 'very happy' }, false],
    ['other white space', 'I was\n  very   tired.', { quote: 'was very\ttired' }, true],
    ['characters composed otherwise', 'Cafe\u0301 au lait', { quote: 'Caf\u00e9 au' }, true],
    ['another case', 'I was Tired.', { quote: 'i was tired' }, false],
    ['the instructions', 'I was tired.', { quote: 'Quote what matters' }, false],
    ['one of several in a list', 'I was tired.', { all: ['I was', 'glad'] }, false],
    ['all of several in a list', 'I was tired.', { all: ['I was', 'tired.'] }, true],
    ['one deep within', 'I was tired.', { codes: [{ quote: 'I was' }, { quote: 'no' }] }, false],
    ['texts of a list that has the keyword itself', 'I was tired.', { listed: [['was'], ['tired.']] }, true],
    ['one of them made up', 'I was tired.', { listed: [['was'], ['sad']] }, false],
    ['texts of an object that has it', 'I was tired.', { kept: { quote: 'I was' } }, true],
    ['one of an object', 'I was tired.', { kept: { quote: 'I am' } }, false],
    ['one by a reference, or none', 'I was tired.', { either: null }, true],
    ['a made-up one by a reference', 'I was tired.', { either: 'sad' }, false],
    ['blanks that take no room', 'The\u00a0fee', { quote: 'The fee' }, true],
    ['ligatures taken apart', 'a \ufb01ne day', { quote: 'fine day' }, false],
    ['quotes of another kind', 'said \u201chi\u201d', { quote: 'said "hi"' }, false],
    ['an ellipsis', 'one two three', { quote: 'one \u2026 three' }, false],
    ['the name of a column', 'I was tired.', { quote: 'text' }, false],
    ['no quote at all', 'I was tired.', { codes: [] }, true],
    ['two columns run together', 'I was tired', { quote: 'tired1' }, false],
  ])('%s', async (_what, text, answer, fits) => {
    const { found } = await judged(rows, () => answer, table(text, '1'));
    expect(found.totals).toMatchObject({ total: 1, [fits ? 'succeeded' : 'incomplete']: 1 });
    if (fits) return;
    const [{ error }] = found.results;
    expect(error).toMatchObject({ type: 'invalid_answer', retryable: true });
    expect(error.message).toMatch(
      /\/(quote|all\/1|codes\/1\/quote|listed|kept|either) is not in the input of its task/,
    );
    expect(JSON.stringify(found.error_digest)).not.toContain('very happy');
  });

  eachNth<[what: string, work: object, good: string, bad: string]>(5, [
    ['a file', { input_files: ['d/*.txt'], prompt: 'Find the tone of it.' }, 'said by Ann', 'the tone'],
    [
      'a file in the midst of a prompt',
      { input_files: ['d/*.txt'], prompt: 'Read {{text}} and find its tone.' },
      'said by Ann',
      'find its tone',
    ],
    [
      'fields',
      {
        requests: [{ task_id: 'a', input_data: { text: `${'x'.repeat(9_000)} said by Ann` } }],
        prompt: 'The tone of {{text}}?',
      },
      'said by Ann',
      'The tone',
    ],
    ['a prompt alone', { requests: ['What was said by Ann?'] }, 'said by Ann', 'by Bob'],
  ])('looks in %s for it, and in a document before it not', async (_what, work, good, bad) => {
    for (const [quote, outcome] of [
      [good, 'succeeded'],
      [bad, 'incomplete'],
      ['in the codebook', 'incomplete'],
    ]) {
      const files = { 'd/a.txt': 'It was said by Ann.\n', 'book.md': 'It stands in the codebook.\n' };
      const { found } = await judged({ ...work, context_files: ['book.md'] }, () => ({ quote }), files);
      expect(found.results[0].outcome, quote).toBe(outcome);
    }
  });

  it('is sent to nobody, and what cannot be read is said', async () => {
    const { api, sent, found } = await judged(
      { input_files: ['*.png'], prompt: 'Describe it.' },
      () => ({ quote: 'what stands in the picture' }),
      { 'a.png': PNG },
    );
    expect(JSON.stringify(api.creates)).not.toMatch(/x-in-input/);
    expect(sent.warnings.join('\n')).toMatch(/x-in-input can't be checked in a PDF or an image/);
    expect(found.totals).toMatchObject({ succeeded: 1 });
  });

  it('is asked again of what misquotes, and of each variant', long, async () => {
    const quotes = ['made up', 'tired'];
    const variants = { A: { prompt: 'One: {{text}}' }, B: { prompt: 'Two: {{text}}' } };
    const { server, batch_id, found } = await judged(
      { rows_file: 't.csv', variants },
      ({ params }) => ({
        quote: JSON.stringify(params.messages).includes('One:') ? quotes.shift() : 'tired',
      }),
      table('I was tired.', '9'),
    );
    expect(found.results).toMatchObject([
      { task_id: 'row_1@A', outcome: 'incomplete' },
      { task_id: 'row_1@B', outcome: 'succeeded' },
    ]);
    await server.ok('retry_batch', { batch_id, error_types: ['invalid_answer'] });
    const done = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    expect(done.outcomes).toMatchObject({ succeeded: 2 });
    await server.ok('get_results', { batch_id, output_file: 'o.csv' });
    expect(await readFile(path.join(server.work, 'o.csv'), 'utf8')).toContain('tired');
  });
});

describe('x-max-column', () => {
  eachNth<[meta: string, most: string, fits: boolean]>(6, [
    ['12345', '5', true],
    ['123456', '5', false],
    ['😀😀', '2', true],
    ['123456', '', true],
    ['123456', ' 6 ', true],
  ])('takes %s beside a column of "%s": %s', async (meta, most, fits) => {
    const { api, found } = await judged(
      { ...rows, output_schema: measured },
      () => ({ meta }),
      table('x', most),
    );
    expect(JSON.stringify(api.creates)).not.toMatch(/x-max-column/);
    expect(found.results[0].outcome).toBe(fits ? 'succeeded' : 'incomplete');
    if (!fits) expect(found.results[0].error.message).toContain('/meta is longer than its row allows');
  });

  it('takes a list whose texts are all short enough', long, async () => {
    for (const [metas, outcome] of [
      [['12345', ''], 'succeeded'],
      [['1', '123456'], 'incomplete'],
    ]) {
      const { found } = await judged(
        { ...rows, output_schema: measured },
        () => ({ metas }),
        table('x', '5'),
      );
      expect(found.results[0].outcome).toBe(outcome);
    }
  });
});

describe('a corrected task', () => {
  it('is held against what it was given anew, also where it is sent again after that', long, async () => {
    const said = ['no', 'the first', 'the second', 'the first', 'the second'];
    const api = await startApi({
      endsAtOnce: true,
      results: (requests) =>
        requests.map((request) =>
          succeeded(request, JSON.stringify({ quote: said[api.creates.length - 1] })),
        ),
    });
    const server = await startCheckedServer({ api });
    await writeFile(path.join(server.work, 't.csv'), 'text,most\nthis is the first,1\n');
    const { batch_id } = await server.ok('submit_batch', { ...rows, output_schema: quoting });
    const outcomes: boolean[] = [];
    const requests = [{ task_id: 'row_1', prompt: 'Quote: this is the second', output_schema: quoting }];
    const calls = [
      {},
      { requests },
      {},
      { requests: [{ ...requests[0], prompt: 'Quote: nothing' }] },
      { prompt: 'Once more, quote the second: {{text}}', replace: true },
    ];
    for (const [index, call] of calls.entries()) {
      if (index > 0) await server.ok('retry_batch', { batch_id, ...call });
      const status = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
      outcomes.push(status.outcomes.succeeded === 1);
    }
    // Its row’s words are its own no longer; a prompt for its row is of that again.
    expect(outcomes).toEqual([false, false, true, true, true]);
  });
});

describe('what cannot be checked so', () => {
  const text = { type: 'string' };
  eachNth<[what: string, properties: object, says: RegExp]>(3, [
    [
      'a column that is none',
      { m: { ...text, 'x-max-column': 'mosst' } },
      /output_schema: x-max-column "mosst" is not a column of rows_file.*did you mean "most"/,
    ],
    [
      'a keyword of another type',
      { m: { ...text, 'x-in-input': 'yes' } },
      /output_schema: is not a JSON Schema: .*x-in-input/,
    ],
  ])('%s', async (_what, properties, says) => {
    const refused = refusalOf(async (server) => {
      await writeFile(path.join(server.work, 't.csv'), 'text,most\na,1\n');
      return { ...rows, output_schema: { type: 'object', properties } };
    });
    expect(await refused).toMatch(says);
  });

  it('native requests', async () => {
    const schema = {
      type: 'object',
      properties: { q: { ...text, 'x-in-input': true } },
      additionalProperties: false,
    };
    const messages = [{ role: 'user', content: 'x' }];
    const params = {
      model: 'claude-haiku-5-5',
      max_tokens: 99,
      messages,
      output_config: { format: { type: 'json_schema', schema } },
    };
    expect(await refusalOf({ requests: [{ custom_id: 'a', params }] })).toMatch(
      /x-in-input: structured output refuses this x-in-input/,
    );
  });
});
