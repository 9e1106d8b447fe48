import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createGrowth, type Growth, readGrowing } from '../../src/lib/growing-file.ts';

async function emptyFile(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-growing-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'file');
  await writeFile(file, '');
  return file;
}

async function textOf(file: string, growth: Growth): Promise<string> {
  let text = '';
  for await (const piece of readGrowing(file, growth)) text += Buffer.from(piece).toString('latin1');
  return text;
}

test('is read as it grows, and to its end', async () => {
  const file = await emptyFile();
  const growth = createGrowth();
  const read = textOf(file, growth);
  let written = '';
  for (const length of [1, 300_000, 5, 0, 262_144, 700_000]) {
    const piece = String.fromCharCode(97 + (length % 26)).repeat(length);
    await appendFile(file, piece);
    written += piece;
    growth.reach(written.length);
    await sleep(2);
  }
  await appendFile(file, 'the rest');
  growth.end(written.length + 'the rest'.length);
  expect((await read) === `${written}the rest`).toBe(true);
});

test('is read only as far as it was told to have grown', async () => {
  const file = await emptyFile();
  await writeFile(file, 'ready, not ready');
  const growth = createGrowth();
  const pieces = readGrowing(file, growth);
  growth.reach(5);
  expect(Buffer.from((await pieces.next()).value ?? []).toString()).toBe('ready');
  const next = pieces.next();
  expect(await Promise.race([next, sleep(30, 'waits')])).toBe('waits');
  growth.end(5);
  expect(await next).toMatchObject({ done: true });
});

test('that stays empty gives nothing', async () => {
  const growth = createGrowth();
  const read = textOf(await emptyFile(), growth);
  growth.end(0);
  expect(await read).toBe('');
});

test('is given up at once where it is of no more use', async () => {
  const file = await emptyFile();
  await writeFile(file, 'x'.repeat(1_000_000));
  const growth = createGrowth();
  growth.reach(1_000_000);
  let pieces = 0;
  for await (const _piece of readGrowing(file, growth)) {
    pieces += 1;
    growth.end(0);
  }
  expect(pieces).toBe(1);
});

test('that is shorter than it was told is an error', async () => {
  const file = await emptyFile();
  await writeFile(file, 'x'.repeat(100));
  await truncate(file, 40);
  const growth = createGrowth();
  growth.end(100);
  await expect(textOf(file, growth)).rejects.toThrow(/shorter/);
});
