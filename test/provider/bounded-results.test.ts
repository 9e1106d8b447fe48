import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { bounded } from '../../src/provider/bounded-results.ts';
import { follow, prompts, startApi } from '../api.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const standIn = (head: string, tail: string) => `<${head.slice(0, 2)} ${tail.slice(-2)}>`;
const bounds = { id: 'msgbatch_1', most: 30, mostLines: 8, mostSkipped: 25, longestLine: 10, standIn };

it.each([
  ['lines', ['0123456789\n', '01234', '56789\n', '\n0'], '0123456789\n0123456789\n\n0'],
  ['a line too long, between others', ['a\n0123', '4567', '89xyz', '!\nb\nc'], 'a\n<01 z!>\nb\nc'],
  ['a line too long at the end', ['a\n', '0123456789x', 'yz'], 'a\n<01 yz>\n'],
  ['a line too long in one piece', ['0123456789xyz\n'], '0123456789xyz\n'],
  ['two lines too long', ['0123456789x', 'y\nAB23456789x', 'z\nb'], '<01 xy>\n<AB xz>\nb'],
])('%s', async (_what, texts, expected) => {
  const passed: Uint8Array[] = [];
  for await (const piece of bounded(pieces(...texts), bounds)) passed.push(piece);
  expect(Buffer.concat(passed).toString()).toBe(expected);
});

it.each([
  [
    'more than the requests can have',
    ['012345678\n', '012345678\n', '012345678\n0'],
    /larger than its requests/,
  ],
  ['more lines than the requests can have', ['\n\n\n\n', '\n\n\n\n\n'], /have more lines than its requests/],
  ['a line without end', ['\n0123', ...Array.from({ length: 9 }, () => '4567')], /longer than any answer/],
  ['blanks without end', Array.from({ length: 9 }, () => '    '), /longer than any answer/],
])('%s is given up', async (_what, texts, refusal) => {
  const read = async () => {
    for await (const _piece of bounded(pieces(...texts), bounds));
  };
  await expect(read()).rejects.toThrow(refusal);
});

eachNth(2, [
  [
    'first',
    (id: string, text: string) => `{"custom_id":"${id}","result":{"type":"succeeded","text":"${text}"}}`,
  ],
  [
    'last',
    (id: string, text: string) => `{"result":{"type":"succeeded","text":"${text}"},"custom_id":"${id}"}`,
  ],
])('an answer of 40 MB, its id %s, is that task alone, told why', async (_where, line) => {
  const text = 'x'.repeat(40 * 1024 * 1024);
  const results = (requests: ApiRequest[]) =>
    requests.map((request) =>
      request.custom_id === 'b' ? line('b', text) : succeeded(request, `answer ${request.custom_id}`),
    );
  const api = await startApi({ endsAtOnce: true, results });
  const server = await startServer({ api });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b', 'c']) });
  const status = await follow(server, batch_id);
  expect(status.outcomes).toMatchObject({ succeeded: 2, errored: 1, missing: 0 });
  const { results: answers } = await server.ok('get_results', { batch_id });
  expect(answers[1]).toMatchObject({
    task_id: 'b',
    outcome: 'errored',
    error: { type: 'unreadable_result', message: expect.stringMatching(/longer than any answer/) },
  });
});

it('a download of blanks without end is no answer, and that is said', long, async () => {
  const api = await startApi({ endsAtOnce: true });
  const blanks = gzipSync(Buffer.alloc(40 * 1024 * 1024, ' '));
  api.override('results', (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(blanks),
  );
  const server = await startServer({ api, limits: { downloads: 1 } });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a']) });
  const { warnings } = await server.ok('get_results', { batch_id });
  expect(warnings.join(' ')).toContain('what came holds no results');
});

it('results of nothing but line breaks are given up at once, and that is said', long, async () => {
  const api = await startApi({ endsAtOnce: true });
  const breaks = gzipSync(Buffer.alloc(60 * 1024 * 1024, '\n'));
  api.override('results', (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(breaks),
  );
  const server = await startServer({ api, limits: { downloads: 1 } });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a']) });
  const { warnings } = await server.ok('get_results', { batch_id });
  expect(warnings.join(' ')).toContain('have more lines than its requests can have (over 10,010)');
});
