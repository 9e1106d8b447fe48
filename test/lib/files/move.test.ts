import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { move } from '../../../src/lib/files/move.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const failing = (code: string, times: number) => {
  const tries = { count: 0 };
  const rename = async () => {
    tries.count += 1;
    if (tries.count <= times) throw Object.assign(new Error(code), { code });
  };
  return { tries, rename };
};

test.each<[code: string, platform: NodeJS.Platform, times: number, tries: number, fails: boolean]>([
  ['EPERM', 'win32', 2, 3, false],
  ['EBUSY', 'win32', 1, 2, false],
  ['EACCES', 'win32', 1, 2, false],
  ['EPERM', 'linux', 1, 1, true],
  ['ENOENT', 'win32', 1, 1, true],
])('%s on %s, %i times: tried %i times, fails: %s', async (code, platform, times, count, fails) => {
  const { tries, rename } = failing(code, times);
  const moved = move('a', 'b', { platform, rename });
  if (fails) await expect(moved).rejects.toMatchObject({ code });
  else await moved;
  expect(tries.count).toBe(count);
});

test('what stays held is told as it is', async () => {
  const { tries, rename } = failing('EBUSY', Number.POSITIVE_INFINITY);
  await expect(move('a', 'b', { platform: 'win32', rename, longestMs: 35 })).rejects.toMatchObject({
    code: 'EBUSY',
  });
  expect(tries.count).toBeGreaterThan(1);
});

test('a file takes the place of another', async () => {
  const folder = await temporaryFolder();
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
  await writeFile(from, 'new');
  await writeFile(to, 'old');
  await move(from, to);
  expect(await readFile(to, 'utf8')).toBe('new');
});
