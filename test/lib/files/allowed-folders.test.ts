import { execFileSync } from 'node:child_process';
import { mkdir, readdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatchError } from '../../../src/errors.ts';
import { createAllowedFolders } from '../../../src/lib/files/allowed-folders.ts';
import { createOutput } from '../../../src/lib/files/atomic-output.ts';
import { tried } from '../../long.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

/** An allowed folder with all manner of things in it, and a forbidden and a foreign one. */
async function world() {
  const root = await realpath(await temporaryFolder());
  const [work, other, secret, home] = ['work', 'other', 'secret', 'home'].map((name) => join(root, name));
  if (!work || !other || !secret || !home) throw new Error('unreachable');
  await mkdir(join(work, 'sub', '.git', 'hooks'), { recursive: true });
  await mkdir(join(work, 'data'));
  for (const folder of [other, secret, home, join(root, 'work-too')]) await mkdir(folder);
  const files = [
    'work/in.json',
    'work/sub/deep.json',
    'work/data/record.json',
    'work/..odd.json',
    'work/sub/.git/config',
    'other/in.json',
    'secret/key',
    'home/in.json',
    'work-too/in.json',
  ];
  for (const file of files) await writeFile(join(root, file), 'top-secret-content');
  await symlink(join(secret, 'key'), join(work, 'link-out.json'));
  await symlink(join(work, 'in.json'), join(work, 'link-in.json'));
  await symlink('sub/deep.json', join(work, 'link-relative.json'));
  await symlink(secret, join(work, 'folder-out'));
  await symlink(join(work, 'sub'), join(work, 'folder-in'));
  await symlink(join(root, 'nothing'), join(work, 'dangling.json'));
  await symlink(join(work, 'loop'), join(work, 'loop'));
  await symlink(join(work, 'data'), join(work, 'folder-data'));
  execFileSync('mkfifo', [join(work, 'pipe')]);
  const socket = createServer().listen(join(work, 'socket'));
  onTestFinished(() => {
    socket.close();
  });
  const folders = createAllowedFolders({
    allowed: [work, other, join(root, 'not-yet')],
    base: work,
    forbidden: [join(work, 'data')],
    home,
  });
  return { root, work, folders };
}

const refusal = (code: string) => expect.objectContaining({ code });

describe('reading what an argument names', () => {
  it.each<[given: string, real: string]>([
    ['in.json', 'work/in.json'],
    ['./sub/../in.json', 'work/in.json'],
    ['sub/deep.json', 'work/sub/deep.json'],
    ['$ROOT/work/in.json', 'work/in.json'],
    ['$ROOT/other/in.json', 'other/in.json'],
    ['../other/in.json', 'other/in.json'],
    ['link-in.json', 'work/in.json'],
    ['link-relative.json', 'work/sub/deep.json'],
    ['folder-in/deep.json', 'work/sub/deep.json'],
    ['..odd.json', 'work/..odd.json'],
  ])('opens %s', async (given, real) => {
    const { root, folders } = await world();
    const opened = await folders.openForReading(given.replace('$ROOT', root));
    try {
      expect(opened.path).toBe(join(root, real));
      expect(opened.size).toBe(18);
      expect(await opened.handle.readFile('utf8')).toBe('top-secret-content');
    } finally {
      await opened.handle.close();
    }
  });

  it.each<[given: string, code: string]>([
    ['$ROOT/secret/key', 'not_allowed'],
    ['$ROOT/secret/no-such-file', 'not_allowed'],
    ['$ROOT/no-such-folder/x', 'not_allowed'],
    ['$ROOT/work-too/in.json', 'not_allowed'],
    ['$ROOT/not-yet/in.json', 'not_allowed'],
    ['../secret/key', 'not_allowed'],
    ['../work/../secret/key', 'not_allowed'],
    ['/etc/passwd', 'not_allowed'],
    ['/dev/zero', 'not_allowed'],
    ['/proc/self/environ', 'not_allowed'],
    ['/', 'not_allowed'],
    ['..', 'not_allowed'],
    ['link-out.json', 'not_allowed'],
    ['folder-out/key', 'not_allowed'],
    ['folder-out/../secret/key', 'not_found'],
    ['~/in.json', 'not_allowed'],
    ['data/record.json', 'not_allowed'],
    ['folder-data/record.json', 'not_allowed'],
    ['no-such.json', 'not_found'],
    ['no/such/folder.json', 'not_found'],
    ['in.json/x', 'not_found'],
    ['dangling.json', 'not_found'],
    ['loop', 'not_found'],
    ['~x/in.json', 'not_found'],
    ['sub', 'invalid_input'],
    ['.', 'invalid_input'],
    ['folder-in', 'invalid_input'],
    ['pipe', 'invalid_input'],
    ['socket', 'invalid_input'],
    ['', 'invalid_input'],
    [' ', 'invalid_input'],
    ['in.json\0.txt', 'invalid_input'],
    ['x/'.repeat(3_000), 'invalid_input'],
    ['x'.repeat(300), 'not_found'],
  ])('refuses %j with %s', async (given, code) => {
    const { root, folders } = await world();
    const error: unknown = await folders
      .openForReading(given.replace('$ROOT', root))
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BatchError);
    expect(error).toEqual(refusal(code));
    expect(String(error)).not.toContain('top-secret');
  });

  it('says which folders are allowed, and what to do', async () => {
    const { work, folders } = await world();
    await expect(folders.openForReading('/etc/passwd')).rejects.toThrow(
      expect.objectContaining({ message: expect.stringMatching(/put the file into ".*work".*--allow-dir/) }),
    );
    await expect(folders.openForReading('nope.json')).rejects.toThrow(`resolved against "${work}"`);
  });

  it('says which allowed folder does not exist, and sends nobody there', async () => {
    const { root, work } = await world();
    const notThere = join(root, 'not-there');
    const told = async (allowed: string[], workFolder?: string) => {
      const folders = createAllowedFolders({ allowed, base: work, ...(workFolder && { workFolder }) });
      const error: unknown = await folders.openForReading('/etc/passwd').catch((caught: unknown) => caught);
      return String(error);
    };
    expect(await told([notThere, work])).toContain(`(allowed: "${notThere}" (does not exist), "${work}")`);
    expect(await told([notThere, work])).toContain(`put the file into "${work}"`);
    const workFolder = join(root, 'made');
    expect(await told([notThere, workFolder], workFolder)).toContain(`put the file into "${workFolder}"`);
    expect(await readdir(root)).toContain('made');
    expect(await told([notThere])).toMatch(/To go on, ask the person/);
  });

  it('expands ~/ where the home folder is allowed, and knows no home where none is given', async () => {
    const { root } = await world();
    const home = join(root, 'home');
    const folders = createAllowedFolders({ allowed: [home], base: '/', home });
    const opened = await folders.openForReading('~/in.json');
    await opened.handle.close();
    expect(opened.path).toBe(join(home, 'in.json'));
    const homeless = createAllowedFolders({ allowed: [home], base: home });
    await expect(homeless.openForReading('~/in.json')).rejects.toEqual(refusal('not_found'));
  });

  it('allows nothing where no folder is allowed', async () => {
    const { root } = await world();
    const folders = createAllowedFolders({ allowed: [], base: root });
    await expect(folders.openForReading('work/in.json')).rejects.toThrow(/allowed: none/);
  });

  tried(
    'never opens what is outside while a folder and a file are swapped for links all the time',
    2_000,
    async (times) => {
      const { root, work, folders } = await world();
      const secret = join(root, 'secret');
      await writeFile(join(secret, 'deep.json'), 'outside');
      let swapping = true;
      const swap = async () => {
        while (swapping) {
          await rename(join(work, 'sub'), join(work, 'aside'));
          await symlink(secret, join(work, 'sub'));
          await rm(join(work, 'sub'));
          await rename(join(work, 'aside'), join(work, 'sub'));
          await setTimeout(Math.random() * 2);
        }
      };
      const swapper = swap();
      let opened = 0;
      try {
        for (let i = 0; i < times; i += 1) {
          const file = await folders.openForReading('sub/deep.json').catch((error: unknown) => {
            expect(error).toBeInstanceOf(BatchError);
            return null;
          });
          if (file === null) continue;
          opened += 1;
          expect(await file.handle.readFile('utf8')).toBe('top-secret-content');
          await file.handle.close();
        }
      } finally {
        swapping = false;
        await swapper;
      }
      expect(opened).toBeGreaterThan(0);
    },
  );
});

describe('writing where an argument names', () => {
  it('never leaves a file outside while its folder is swapped for a link all the time', async () => {
    const { root, work, folders } = await world();
    const secret = join(root, 'secret');
    const before = await readdir(secret);
    for (let i = 0; i < 200; i += 2) await writeFile(join(work, 'sub', `out-${i}.csv`), 'earlier answers');
    let swapping = true;
    const swap = async () => {
      while (swapping) {
        await rename(join(work, 'sub'), join(work, 'aside'));
        await symlink(secret, join(work, 'sub'));
        await setTimeout(Math.random());
        await rm(join(work, 'sub'));
        await rename(join(work, 'aside'), join(work, 'sub'));
        await setTimeout(Math.random());
      }
    };
    const swapper = swap();
    try {
      for (let i = 0; i < 200; i += 1) {
        try {
          const { path } = await folders.checkForWriting(`sub/out-${i}.csv`);
          const output = await createOutput(path, { replace: i % 2 === 0 });
          try {
            await output.write('answers');
            await output.commit();
          } catch (error) {
            await output.abort();
            throw error;
          }
        } catch (error) {
          expect(error).toBeInstanceOf(BatchError);
        }
      }
    } finally {
      swapping = false;
      await swapper;
    }
    expect(await readdir(secret)).toEqual(before);
    const left = await readdir(join(work, 'sub'));
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    // What was to be replaced is there still, where its successor was taken back.
    for (let i = 0; i < 200; i += 2) expect(left).toContain(`out-${i}.csv`);
  });

  it('makes no folder outside, and says in words what is wrong, while a link comes and goes in its place', async () => {
    const { root, work, folders } = await world();
    const before = await readdir(join(root, 'secret'));
    let swapping = true;
    const swap = async () => {
      while (swapping) {
        await symlink(join(root, 'secret'), join(work, 'new')).catch(() => {});
        await setTimeout(Math.random());
        await rm(join(work, 'new'), { recursive: true, force: true });
      }
    };
    const swapper = swap();
    try {
      for (let i = 0; i < 300; i += 1) {
        const failure: unknown = await folders.makeFolderOf(`new/${i}.md`).catch((error: unknown) => error);
        if (failure !== undefined) expect(failure).toBeInstanceOf(BatchError);
      }
    } finally {
      swapping = false;
      await swapper;
    }
    expect(await readdir(join(root, 'secret'))).toEqual(before);
  });

  it.each<[given: string, real: string, exists: boolean]>([
    ['out.csv', 'work/out.csv', false],
    ['sub/out.csv', 'work/sub/out.csv', false],
    ['sub/../out.csv', 'work/out.csv', false],
    ['folder-in/out.csv', 'work/sub/out.csv', false],
    ['$ROOT/other/out.csv', 'other/out.csv', false],
    ['in.json', 'work/in.json', true],
  ])('lets %s be written', async (given, real, exists) => {
    const { root, work, folders } = await world();
    const before = await readdir(work);
    expect(await folders.checkForWriting(given.replace('$ROOT', root))).toEqual({
      path: join(root, real),
      exists,
    });
    expect(await readdir(work)).toEqual(before);
  });

  it.each<[given: string, code: string]>([
    ['$ROOT/secret/out.csv', 'not_allowed'],
    ['$ROOT/work-too/out.csv', 'not_allowed'],
    ['$ROOT/out.csv', 'not_allowed'],
    ['../out.csv', 'not_allowed'],
    ['folder-out/out.csv', 'not_allowed'],
    ['data/out.csv', 'not_allowed'],
    ['folder-data/out.csv', 'not_allowed'],
    ['~/out.csv', 'not_allowed'],
    ['.env', 'not_allowed'],
    ['.hidden.csv', 'not_allowed'],
    ['..odd.json', 'not_allowed'],
    ['sub/.git/config', 'not_allowed'],
    ['sub/.git/hooks/pre-commit', 'not_allowed'],
    ['link-in.json', 'not_allowed'],
    ['link-out.json', 'not_allowed'],
    ['dangling.json', 'not_allowed'],
    ['/etc/cron.d/x', 'not_allowed'],
    ['/no-such-folder/x', 'not_allowed'],
    ['..', 'not_allowed'],
    ['/', 'invalid_input'],
    ['.', 'not_allowed'],
    ['no-such/out.csv', 'not_found'],
    ['in.json/out.csv', 'invalid_input'],
    ['sub', 'invalid_input'],
    ['out/', 'invalid_input'],
    ['pipe', 'invalid_input'],
    ['socket', 'invalid_input'],
    ['', 'invalid_input'],
    ['out.csv\0', 'invalid_input'],
    ['x/'.repeat(3_000), 'invalid_input'],
    ['x'.repeat(300), 'invalid_input'],
  ])('refuses %j with %s', async (given, code) => {
    const { root, folders } = await world();
    await expect(folders.checkForWriting(given.replace('$ROOT', root))).rejects.toEqual(refusal(code));
  });

  it('lets a hidden folder be written that is allowed by name', async () => {
    const { work } = await world();
    const git = join(work, 'sub', '.git');
    const folders = createAllowedFolders({ allowed: [work, git], base: git });
    expect(await folders.checkForWriting('out.csv')).toEqual({ path: join(git, 'out.csv'), exists: false });
  });
});
