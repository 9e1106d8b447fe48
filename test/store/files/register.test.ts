import { rmSync } from 'node:fs';
import { link, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createRegister } from '../../../src/store/files/revisions.ts';
import type { Register } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

type Tally = { total: number; by: string[] };
const schema = z.object({ total: z.number(), by: z.array(z.string()) });
const one: Tally = { total: 1, by: ['a'] };
const two: Tally = { total: 2, by: ['a', 'b'] };

type Link = (from: string, to: string) => Promise<void>;

function openIn(data: string, how?: Link): Register<Tally> {
  return createRegister({
    folder: join(data, 'deep', 'register'),
    temporary: join(data, 'tmp'),
    schema,
    ...(how && { link: how }),
  });
}

const pathIn = (data: string, name: string) => join(data, 'deep', 'register', name);

const systemError = (code: string) => Object.assign(new Error(code), { code, syscall: 'link' });

describe('the register on disk', () => {
  it('keeps files 0600 in folders 0700, numbered to eight places, and leaves no temporary file', async () => {
    const data = await temporaryFolder();
    await openIn(data).update(() => one);
    await openIn(data).update(() => two);
    expect((await readdir(pathIn(data, '.'))).sort()).toEqual(['00000001.json', '00000002.json']);
    expect(await readdir(join(data, 'tmp'))).toEqual([]);
    const mode = async (path: string) => (await stat(path)).mode & 0o777;
    expect(await mode(pathIn(data, '00000001.json'))).toBe(0o600);
    for (const folder of ['tmp', 'deep', 'deep/register']) expect(await mode(join(data, folder))).toBe(0o700);
  });

  it('ignores names that are not its own', async () => {
    const data = await temporaryFolder();
    await openIn(data).update(() => one);
    for (const name of ['.DS_Store', '9.json', '00000009.json~', 'notes.txt', '00000000.json']) {
      await writeFile(pathIn(data, name), 'x');
    }
    expect(await openIn(data).update(() => two)).toEqual(two);
    expect((await openIn(data).history()).map(({ number }) => number)).toEqual([1, 2]);
  });

  const good = { schema: 1, change_id: 'c', at: '2026-11-01T00:00:00.000Z', value: two };
  const content = (text: string) => (path: string) => writeFile(path, text);
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['empty', content('')],
    ['not JSON', content('hello')],
    [
      'cut short',
      async (path) => {
        await writeFile(path, JSON.stringify(good));
        await truncate(path, 30);
      },
    ],
    ['foreign JSON', content('{"name":"secret-name"}')],
    ['a list', content('[]')],
    ['null', content('null')],
    ['of no version', content(JSON.stringify({ ...good, schema: 0 }))],
    ['of a value of another shape', content(JSON.stringify({ ...good, value: { total: 'two' } }))],
    ['a folder', (path) => mkdir(path)],
    [
      'a symbolic link to a good one',
      async (path) => {
        await writeFile(`${path}.elsewhere`, JSON.stringify(good));
        await symlink(`${path}.elsewhere`, path);
      },
    ],
    ['a dangling symbolic link', (path) => symlink('/nowhere/at/all', path)],
  ])('names a newest revision that is %s, and leaves it alone', async (_what, damage) => {
    const data = await temporaryFolder();
    await openIn(data).update(() => one);
    const path = pathIn(data, '00000002.json');
    await damage(path);
    const names = await readdir(pathIn(data, '.'));
    const failure = { code: 'store_damaged', message: expect.stringContaining(path) };
    await expect(openIn(data).read()).rejects.toMatchObject(failure);
    await expect(openIn(data).update(() => one)).rejects.toMatchObject(failure);
    await expect(openIn(data).read()).rejects.not.toThrow(/secret-name/);
    expect(await readdir(pathIn(data, '.'))).toEqual(names);
  });

  it('names a file that stands where its folder should', async () => {
    const data = await temporaryFolder();
    await mkdir(join(data, 'deep'));
    await writeFile(join(data, 'deep', 'register'), '');
    await expect(openIn(data).read()).rejects.toMatchObject({ code: 'store_damaged' });
  });

  it('does not write through a link planted at the next name between reading and writing', async () => {
    const data = await temporaryFolder();
    const victim = join(data, 'victim');
    await openIn(data).update(() => one);
    const planting: Link = async (from, to) => {
      await symlink(victim, to);
      await link(from, to);
    };
    await expect(openIn(data, planting).update(() => two)).rejects.toMatchObject({ code: 'store_damaged' });
    await expect(stat(victim)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('knows its own success by the change id where the file system answers EEXIST to it', async () => {
    const data = await temporaryFolder();
    let calls = 0;
    const forgetful: Link = async (from, to) => {
      calls += 1;
      await link(from, to);
      throw systemError('EEXIST');
    };
    const add = (current: Tally | null) => ({ total: (current?.total ?? 0) + 1, by: [] });
    expect(await openIn(data, forgetful).update(add)).toEqual({ total: 1, by: [] });
    expect(calls).toBe(1);
    expect(await openIn(data).history()).toHaveLength(1);
  });

  it('applies the change again to what another wrote first', async () => {
    const data = await temporaryFolder();
    let raced = false;
    const late: Link = async (from, to) => {
      if (!raced) {
        raced = true;
        await openIn(data).update(() => one);
      }
      await link(from, to);
    };
    const add = (current: Tally | null) => ({ total: (current?.total ?? 0) + 10, by: current?.by ?? [] });
    expect(await openIn(data, late).update(add)).toEqual({ total: 11, by: ['a'] });
  });

  it.each(['EPERM', 'ENOTSUP', 'ENOSYS', 'EXDEV'])(
    'says what to do where links fail with %s',
    async (code) => {
      const data = await temporaryFolder();
      const refusing: Link = () => Promise.reject(systemError(code));
      await expect(openIn(data, refusing).update(() => one)).rejects.toMatchObject({
        code: 'store_failed',
        message: expect.stringContaining('hard links'),
      });
      expect(await readdir(join(data, 'tmp'))).toEqual([]);
    },
  );

  it('says so where the disk is full', async () => {
    const data = await temporaryFolder();
    const full: Link = () => Promise.reject(systemError('ENOSPC'));
    await expect(openIn(data, full).update(() => one)).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('make room'),
    });
  });

  it('does not bring back a register that was removed after it was read', async () => {
    const data = await temporaryFolder();
    await openIn(data).update(() => one);
    const given: (Tally | null)[] = [];
    const change = (current: Tally | null) => {
      given.push(current);
      rmSync(pathIn(data, '.'), { recursive: true, force: true });
      return current && two;
    };
    expect(await openIn(data).update(change)).toBeNull();
    expect(given).toEqual([one, null]);
    await expect(stat(pathIn(data, '.'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('writes one JSON object per file', async () => {
    const data = await temporaryFolder();
    await openIn(data).update(() => one);
    const text = await readFile(pathIn(data, '00000001.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ schema: 1, value: one });
  });
});
