import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFileDurably, makeFolder, writeFileDurably } from '../../../src/lib/files/durable-write.ts';
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
