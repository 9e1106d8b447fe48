import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path, { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import {
  createFileDurably,
  makeFolder,
  move,
  writeFileDurably,
} from '../../../src/lib/files/durable-write.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

describe('durable files', () => {
  it('makes folders 0700 and leaves those that exist as they are', async () => {
    const root = await temporaryFolder();
    await mkdir(join(root, 'open'), { mode: 0o755 });
    await makeFolder(join(root, 'open', 'a', 'b'));
    await makeFolder(join(root, 'open', 'a', 'b'));
    const mode = async (path: string) => (await stat(join(root, path))).mode & 0o777;
    expect(await Promise.all(['open', 'open/a', 'open/a/b'].map(mode))).toEqual([0o755, 0o700, 0o700]);
  });

  it('creates a file once, whoever is first', async () => {
    const root = await temporaryFolder();
    const options = { temporary: join(root, 'tmp') };
    const path = join(root, 'file');
    const tries = await Promise.all(['a', 'b', 'c'].map((text) => createFileDurably(path, text, options)));
    expect(tries.filter(Boolean)).toHaveLength(1);
    expect(await readFile(path, 'utf8')).toBe(['a', 'b', 'c'][tries.indexOf(true)]);
    expect(await readdir(options.temporary)).toEqual([]);
  });

  it('replaces a file, or a link without following it', async () => {
    const root = await temporaryFolder();
    await writeFile(join(root, 'victim'), 'mine');
    await symlink(join(root, 'victim'), join(root, 'file'));
    for (const text of ['one', 'two']) await writeFileDurably(join(root, 'file'), text);
    expect(await readFile(join(root, 'file'), 'utf8')).toBe('two');
    expect(await readFile(join(root, 'victim'), 'utf8')).toBe('mine');
    expect((await readdir(root)).sort()).toEqual(['file', 'victim']);
    await mkdir(join(root, 'folder'));
    await expect(writeFileDurably(join(root, 'folder'), 'x')).rejects.toThrow(/EISDIR|EEXIST|EPERM/);
    expect((await readdir(root)).sort()).toEqual(['file', 'folder', 'victim']);
  });
});

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
