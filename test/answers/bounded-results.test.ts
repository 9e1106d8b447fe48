import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { bounded } from '../../src/answers/bounded-results.ts';
import { prompts, startApi } from '../api.ts';
import { startServer } from '../harness.ts';

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

const bounds = { id: 'msgbatch_1', most: 30, longestLine: 10 };

it.each([
  ['lines', ['0123456789\n', '01234', '56789\n', '\n0'], null],
  [
    'more than the requests can have',
    ['012345678\n', '012345678\n', '012345678\n0'],
    /larger than its requests/,
  ],
  ['a line without end', ['\n0123', '4567', '89ab'], /longer than any answer/],
  ['blanks without end', ['    ', '    ', '    '], /longer than any answer/],
])('%s', async (_what, texts, refusal) => {
  const passed: Buffer[] = [];
  const read = async () => {
    for await (const piece of bounded(pieces(...texts), bounds)) passed.push(Buffer.from(piece));
  };
  if (refusal === null) await read();
  else await expect(read()).rejects.toThrow(refusal);
  expect(Buffer.concat(passed).toString()).toBe(texts.slice(0, passed.length).join(''));
  expect(passed).toHaveLength(refusal === null ? texts.length : texts.length - 1);
});

it('a download of blanks without end is given up, and said', async () => {
  const api = await startApi({ endsAtOnce: true });
  const blanks = gzipSync(Buffer.alloc(40 * 1024 * 1024, ' '));
  api.override('results', (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(blanks),
  );
  const server = await startServer({ api, limits: { downloads: 1 } });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a']) });
  const { warnings } = await server.ok('get_results', { batch_id });
  expect(warnings.join(' ')).toContain('longer than any answer');
});
