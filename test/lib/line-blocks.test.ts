import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LineBlock, readLineBlocks } from '../../src/lib/line-blocks.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const MB = 1024 * 1024;

async function read(content: string | Buffer, longest = Number.POSITIVE_INFINITY): Promise<LineBlock[]> {
  const file = path.join(await temporaryFolder(), 'lines');
  await writeFile(file, content);
  const handle = await open(file);
  const blocks: LineBlock[] = [];
  try {
    for await (const block of readLineBlocks(handle, { longest })) blocks.push(block);
  } finally {
    await handle.close();
  }
  return blocks;
}

const whole = (blocks: readonly LineBlock[]) => Buffer.concat(blocks.map(({ bytes }) => bytes));

describe('blocks of lines', () => {
  it.each([
    ['nothing', '', 0],
    ['one line', 'a\n', 1],
    ['one line without an end', 'a', 1],
    ['empty lines', '\n\n', 1],
    ['a last line without an end', 'a\nb', 2],
  ])('%s', async (_what, content, blocks) => {
    const found = await read(content);
    expect(found).toHaveLength(blocks);
    expect(whole(found).toString()).toBe(content);
  });

  it('hold whole lines, and know the number of their first', async () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i + 1} ${'ä'.repeat(i % 90)}`);
    const content = `${lines.join('\n')}\n`;
    const blocks = await read(content);
    expect(blocks.length).toBeGreaterThan(2);
    expect(whole(blocks).toString()).toBe(content);
    for (const { bytes, number } of blocks) {
      const text = Buffer.from(bytes).toString();
      expect(text.startsWith(`line ${number} `)).toBe(true);
      expect(text.endsWith('\n')).toBe(true);
    }
  });

  it('hold a line that is longer than what is read at a time, and what stands around it', async () => {
    const content = `before\n${'x'.repeat(3 * MB)}\nafter`;
    const blocks = await read(content);
    expect(whole(blocks).toString()).toBe(content);
    expect(blocks.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it('end before a line that is over the limit', async () => {
    const blocks = await read(`a\nb\n${'x'.repeat(3 * MB)}\nafter\n`, MB);
    expect(blocks.map(({ number, overlong }) => [number, overlong])).toEqual([
      [1, undefined],
      [3, true],
    ]);
    expect(whole(blocks).toString()).toBe('a\nb\n');
  });

  it('can each be handed to another thread', async () => {
    const [first, second] = await read(`${'x\n'.repeat(MB / 2)}${'y\n'.repeat(10)}`);
    structuredClone(first, { transfer: first ? [first.bytes.buffer] : [] });
    expect(first?.bytes.length).toBe(0);
    expect(second?.bytes.length).toBe(20);
  });
});
