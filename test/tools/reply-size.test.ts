import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { answering, endedBatch, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded } from '../api-server.ts';
import type { ToolAnswer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

/** Some clients cut a longer text, or refuse it. */
const LONGEST_TEXT = 20_000;

function expectFits(answer: ToolAnswer, name: string): void {
  expect(answer.isError, `${name}: ${answer.text.slice(0, 300)}`).toBe(false);
  expect(answer.text.length, name).toBeLessThan(LONGEST_TEXT);
}

describe('an answer too long for a reply', () => {
  const long = 'Ωx😀 '.repeat(60_000);

  test('of 300,000 characters is cut, marked, and whole in a file', async () => {
    const { server, batch_id } = await endedBatch(prompts(['long', 'short']), (requests) =>
      requests.map((request) => succeeded(request, request.custom_id === 'long' ? long : 'brief')),
    );
    const answer = await server.call('get_results', { batch_id, detail: 'full' });
    expectFits(answer, 'get_results');
    const [first, second] = answer.reply.results;
    expect(first.cut).toMatchObject({ characters: 300_000, file: expect.any(String) });
    expect(first.text).toBe(long.slice(0, first.cut.shown));
    expect(first.outcome).toBe('succeeded');
    expect(await readFile(first.cut.file, 'utf8')).toBe(long);
    expect(second).toMatchObject({ text: 'brief' });
    expect(second.cut).toBeUndefined();
  });

  test('is whole in an output file', async () => {
    const { server, batch_id } = await endedBatch(prompts(['long']), answering(long));
    await server.ok('get_results', { batch_id, output_file: 'out.json' });
    const [row] = JSON.parse(await readFile(path.join(server.work, 'out.json'), 'utf8'));
    expect(row.output.content).toBe(long);
  });

  test('is cut where it is JSON or the call of a tool, too', async () => {
    const asked = {
      task_id: 'json',
      prompt: 'All?',
      output_schema: { type: 'object', properties: { all: { type: 'string' } } },
    };
    const content = [{ type: 'tool_use', id: 'toolu_1', name: 'keep', input: { all: long } }];
    const { server, batch_id } = await endedBatch([asked, ...prompts(['call'])], (requests) =>
      requests.map((request) =>
        request.custom_id === 'json'
          ? succeeded(request, JSON.stringify({ all: long }))
          : succeeded(request, '', { content, stop_reason: 'tool_use' }),
      ),
    );
    const answer = await server.call('get_results', { batch_id });
    expectFits(answer, 'get_results');
    const [json, call] = answer.reply.results;
    expect(JSON.parse(await readFile(json.cut.file, 'utf8'))).toEqual({ all: long });
    expect(await readFile(call.cut.file, 'utf8')).toContain(long);
  });
});

/** What an API, or a caller, can make long. */
const longName = 'ß"'.repeat(128);
const inputs: {
  name: string;
  requests: object[];
  results: (requests: ApiRequest[]) => object[];
  submit?: object;
}[] = [
  {
    name: '100 answers of 50,000 characters',
    requests: prompts(ids(100)),
    results: answering('word '.repeat(10_000)),
  },
  {
    name: '100 answers of 7,900 characters that JSON has to escape',
    requests: prompts(ids(100)),
    results: answering('\u0007'.repeat(7_900)),
  },
  {
    name: '100 answers of 7,900 quotes',
    requests: prompts(ids(100)),
    results: answering('"'.repeat(7_900)),
  },
  {
    name: '1,000 failures of different messages',
    requests: prompts(ids(1000)),
    results: (requests) =>
      requests.map((request, index) =>
        errored(request, 'invalid_request_error', `${letters(index)} ${'is wrong '.repeat(100)}`),
      ),
  },
  {
    name: '1,000 failures of different types',
    requests: prompts(ids(1000)),
    results: (requests) =>
      requests.map((request, index) => errored(request, `${letters(index)}_error`, 'It is wrong.')),
  },
  {
    name: '20 failures with a message of 30,000 characters',
    requests: prompts(ids(20)),
    results: (requests) =>
      requests.map((request, index) =>
        errored(request, 'api_error', `${letters(index)} ${'so wrong '.repeat(3_500)}`),
      ),
  },
  {
    name: '300 failures of different messages under ids of 256 characters',
    requests: ids(300).map((id) => ({ task_id: id + longName.slice(0, 252), prompt: 'Well?' })),
    results: (requests) =>
      requests.map((request, index) => errored(request, 'api_error', `${letters(index)} ${longName}`)),
  },
  {
    name: 'a name of 100 characters that JSON has to escape',
    requests: prompts(ids(3)),
    results: answering('fine'),
    submit: { name: '\u0007'.repeat(100) },
  },
];

/** A word for a number, without digits, which failures are grouped without. */
function letters(number: number): string {
  return String(number).replaceAll(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
}

describe('every reply', () => {
  eachNthOf(6, inputs)(
    'about $name stays under 20,000 characters',
    async ({ requests, results, submit = {} }) => {
      const { server, batch_id } = await endedBatch(requests, results, { submit });
      expectFits(await server.call('batch_status', { batch_id }), 'batch_status');
      expectFits(await server.call('list_batches'), 'list_batches');
      const replies: object[] = [
        {},
        { detail: 'summary' },
        { detail: 'concise', limit: 200 },
        { detail: 'full', limit: 200 },
        { outcomes: ['failed'], limit: 200 },
        { output_file: 'all.jsonl' },
      ];
      for (const args of replies) {
        expectFits(await server.call('get_results', { batch_id, ...args }), JSON.stringify(args));
      }
    },
  );
});

test('a page goes on where the characters ran out', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(12)), answering('word '.repeat(1_000)));
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await server.ok('get_results', { batch_id, limit: 200, cursor });
    expect(page.results.length).toBeGreaterThan(0);
    seen.push(...page.results.map(({ task_id }: { task_id: string }) => task_id));
    cursor = page.next_cursor;
  }
  expect(seen).toEqual(ids(12));
});

test('the same failure of many tasks is one entry of the digest, the rest of a type another', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(200)), (requests) =>
    requests.map((request, index) =>
      index < 100
        ? errored(request, 'invalid_request_error', `messages.${index}: "part ${index}" is empty`)
        : errored(request, 'api_error', `fault ${letters(index)}`),
    ),
  );
  const { error_digest } = await server.ok('get_results', { batch_id });
  expect(error_digest[0]).toMatchObject({
    type: 'invalid_request_error',
    message: 'messages.0: "part 0" is empty',
    count: 100,
    sample_task_ids: ['t001', 't002', 't003'],
  });
  expect(error_digest.length).toBeLessThanOrEqual(25);
  const counted = error_digest.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
  expect(counted).toBe(200);
});

test('a list of many batches with names of 100 characters', long, async () => {
  const server = await startCheckedServer();
  for (const id of ids(36)) {
    const name = `${id} ${'\u0007"'.repeat(47)}`;
    await server.ok('submit_batch', { requests: prompts([id]), name, sandbox: true });
  }
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const answer = await server.call('list_batches', { limit: 50, cursor });
    expectFits(answer, 'list_batches');
    expect(answer.reply.totals.batches).toBe(36);
    seen.push(...answer.reply.batches.map(({ name }: { name: string }) => name.slice(0, 4)));
    cursor = answer.reply.next_cursor;
  }
  expect(seen.toSorted()).toEqual(ids(36));
});

test('a refusal of much that is wrong', async () => {
  const server = await startCheckedServer({ api: await startApi() });
  const requests = ids(500).map((task_id) => ({
    task_id: task_id + longName.slice(0, 252),
    task_type: 'analyze_log',
    [`an unknown key ${longName}`]: 1,
    input_data: { [longName.repeat(20)]: longName },
  }));
  for (const args of [
    { requests },
    { requests: prompts(ids(30)), prompt: `{{${'no such key '.repeat(5_000)}}}` },
    {
      requests: ids(30).map((task_id) => ({ task_id, input_data: { k: 1 } })),
      prompt: `{{${'k'.repeat(50_000)}}}`,
    },
    { requests_file: `${'folder/'.repeat(2_000)}x.json` },
  ]) {
    const answer = await server.call('submit_batch', args);
    expect(answer.text.length).toBeLessThan(LONGEST_TEXT);
  }
  const task_ids = ids(900).map((id) => id + longName.slice(0, 252));
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(2)) });
  const answer = await server.call('get_results', { batch_id, task_ids });
  expect(answer.isError).toBe(true);
  expect(answer.text.length).toBeLessThan(LONGEST_TEXT);
});

test('an estimate of a long request', async () => {
  const server = await startCheckedServer({ api: await startApi() });
  const requests = [{ task_id: 'x', prompt: '\u0007"\n'.repeat(50_000) }];
  const answer = await server.call('estimate_cost', { requests });
  expectFits(answer, 'estimate_cost');
  expect(answer.reply.preview.length).toBeLessThanOrEqual(1_500);
});
