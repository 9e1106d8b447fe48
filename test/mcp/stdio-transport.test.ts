import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { StdioTransport } from '../../src/mcp/stdio-transport.ts';

const MEGABYTE = Buffer.alloc(1024 * 1024, 'x');

/** A call whose text is longer than a message may be, between the ends given. */
function* longCall(start: string, end: string) {
  yield Buffer.from(`${start}"params":{"name":"submit_batch","arguments":{"id":99,"text":"`);
  for (let sent = 0; sent < 65; sent += 1) yield MEGABYTE;
  yield Buffer.from(`\\"id\\":98}"}}${end}\n`);
}

test.each([
  ['first', '{"jsonrpc":"2.0","id":7,"method":"tools/call",', '}', 7],
  ['behind the method', '{"method":"tools/call","jsonrpc":"2.0","id":"a\\"b",', '}', 'a"b'],
  ['last', '{"method":"tools/call",', ',"jsonrpc":"2.0","id":7}', 7],
  ['last, before the version', '{"method":"tools/call",', ',"id": 7, "jsonrpc":"2.0"} ', 7],
  ['nowhere', '{"method":"tools/call",', '}', null],
])(
  'a message that is too long is answered under its id, which stands %s, and the next one is taken',
  async (_where, start, end, id) => {
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const transport = new StdioTransport(stdin, stdout);
    const taken: unknown[] = [];
    transport.onmessage = (message) => taken.push(message);
    await transport.start();
    for (const piece of longCall(start, end)) stdin.write(piece);
    stdin.end('{"jsonrpc":"2.0","id":8,"method":"ping"}\n');
    await new Promise((resolve) => stdin.once('end', resolve));
    expect(taken).toEqual([{ jsonrpc: '2.0', id: 8, method: 'ping' }]);
    expect(JSON.parse(String(stdout.read()))).toMatchObject({
      id,
      error: { code: -32600, message: expect.stringContaining('requests_file') },
    });
  },
);

test('what is not in UTF-8 is answered under its id, and not read with other characters in it', async () => {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const transport = new StdioTransport(stdin, stdout);
  const taken: unknown[] = [];
  transport.onmessage = (message) => taken.push(message);
  await transport.start();
  stdin.write(Buffer.from('{"jsonrpc":"2.0","id":7,"method":"x","params":{"text":"caf\xe9"}}\n', 'latin1'));
  stdin.end('{"jsonrpc":"2.0","id":8,"method":"x","params":{"text":"café"}}\n');
  await new Promise((resolve) => stdin.once('end', resolve));
  expect(taken).toEqual([{ jsonrpc: '2.0', id: 8, method: 'x', params: { text: 'café' } }]);
  expect(JSON.parse(String(stdout.read()))).toMatchObject({
    id: 7,
    error: { code: -32700, message: expect.stringContaining('in UTF-8') },
  });
});
