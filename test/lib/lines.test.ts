import { describe, expect, it } from 'vitest';
import { type Line, splitLines } from '../../src/lib/lines.ts';

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function split(chunks: readonly Uint8Array[]): Promise<Line[]> {
  const found: Line[] = [];
  for await (const lines of splitLines(stream(chunks))) found.push(...lines);
  return found;
}

function inChunks(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

describe('splitting lines', () => {
  it.each<[string, string, [text: string, complete: boolean][]]>([
    ['nothing', '', []],
    ['one line', 'a\n', [['a', true]]],
    ['one line without an end', 'a', [['a', false]]],
    ['an empty line', '\n', [['', true]]],
    [
      'empty lines between',
      'a\n\n\nb\n',
      [
        ['a', true],
        ['', true],
        ['', true],
        ['b', true],
      ],
    ],
    [
      'a last one without an end',
      'a\nbc',
      [
        ['a', true],
        ['bc', false],
      ],
    ],
    [
      'carriage returns, which stay',
      'a\r\nb\r\n',
      [
        ['a\r', true],
        ['b\r', true],
      ],
    ],
    [
      'letters of several bytes',
      'äö\n€\n',
      [
        ['äö', true],
        ['€', true],
      ],
    ],
    ['other line ends, which are none', 'a\u2028b\u0085c\n', [['a\u2028b\u0085c', true]]],
  ])('of %s is the same however the bytes come', async (_what, text, expected) => {
    const bytes = Buffer.from(text);
    for (const size of [1, 2, 3, 1_000]) {
      const lines = await split(inChunks(bytes, size));
      expect(lines.map((line) => [line.bytes.toString(), line.complete])).toEqual(expected);
      for (const line of lines) {
        expect(bytes.subarray(line.offset, line.offset + line.bytes.length)).toEqual(line.bytes);
      }
    }
  });

  it('takes empty chunks, and arrays that are no Buffers', async () => {
    const chunks = [new Uint8Array(), new Uint8Array([97]), new Uint8Array(), new Uint8Array([10, 98])];
    expect((await split(chunks)).map((line) => line.bytes.toString())).toEqual(['a', 'b']);
  });

  it('lets a chunk be used again for the next one', async () => {
    const text = 'first\na second line\nand a third one, the longest\nx\n';
    async function* inOneBuffer(): AsyncGenerator<Uint8Array> {
      const buffer = Buffer.alloc(4);
      for (const chunk of inChunks(Buffer.from(text), buffer.length)) {
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.length);
      }
    }
    const found: string[] = [];
    for await (const lines of splitLines(inOneBuffer()))
      found.push(...lines.map(({ bytes }) => String(bytes)));
    expect(found.join('\n')).toBe(text.trimEnd());
  });

  it('costs about as much for one long line as for many short ones', async () => {
    const size = 16 * 1024 * 1024;
    const long = inChunks(Buffer.alloc(size, 'x'), 4 * 1024);
    const short = inChunks(Buffer.alloc(size, `${'x'.repeat(99)}\n`), 4 * 1024);
    const time = async (chunks: readonly Buffer[]) => {
      const start = process.cpuUsage();
      await split(chunks);
      return process.cpuUsage(start).user / 1000;
    };
    await time(short);
    const [shortTime, longTime] = [await time(short), await time(long)];
    // Joining anew at each chunk would copy 32 GB here: hundreds of times as long.
    expect(longTime).toBeLessThan(10 * shortTime + 200);
  });
});
