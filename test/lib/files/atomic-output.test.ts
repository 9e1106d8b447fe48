import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BatchError } from '../../../src/errors.ts';
import { createOutput } from '../../../src/lib/files/atomic-output.ts';
import { sha256OfText } from '../../../src/lib/files/file-hash.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const codeOf = (error: unknown) => (error instanceof BatchError ? error.code : error);

describe('a file written for the caller', () => {
  it('is seen only when committed, whole, 0600, with its size and hash', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'out.csv');
    const output = await createOutput(path, { replace: false });
    const pieces = Array.from({ length: 2_000 }, (_, i) => `zeile ${i} ${'ü'.repeat(300)}\n`);
    for (const piece of pieces) await output.write(piece);
    await output.write(new Uint8Array([33]));
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    const written = await output.commit();
    const content = await readFile(path);
    expect(content.toString()).toBe(`${pieces.join('')}!`);
    expect(written).toEqual({
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await output.abort();
    expect(await readdir(folder)).toEqual(['out.csv']);
  });

  it('leaves nothing when aborted', async () => {
    const folder = await temporaryFolder();
    const output = await createOutput(join(folder, 'out.csv'), { replace: true });
    await output.write('half');
    await output.abort();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is begun after what dead processes left of it is gone, and nothing else', async () => {
    const folder = await temporaryFolder();
    const old = new Date(Date.now() - 2 * 60 * 60 * 1000);
    const left = `.out.csv.${randomUUID()}.tmp`;
    const kept = [
      `.other.csv.${randomUUID()}.tmp`,
      '.out.csv.mine.tmp',
      `.out.csv.${randomUUID()}.tmp.txt`,
      'out.csv',
    ];
    for (const name of [left, ...kept]) {
      await writeFile(join(folder, name), '');
      await utimes(join(folder, name), old, old);
    }
    const young = `.out.csv.${randomUUID()}.tmp`;
    await writeFile(join(folder, young), '');
    const output = await createOutput(join(folder, 'out.csv'), { replace: true });
    await output.abort();
    expect((await readdir(folder)).sort()).toEqual([...kept, young].sort());
  });

  it('never takes the place of what is there, unless told to', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'out.csv');
    const write = async (text: string, replace: boolean) => {
      const output = await createOutput(path, { replace });
      try {
        await output.write(text);
        return await output.commit();
      } finally {
        await output.abort();
      }
    };
    await write('first', false);
    await expect(write('second', false)).rejects.toMatchObject({ code: 'already_exists' });
    expect(await readFile(path, 'utf8')).toBe('first');
    await write('third', true);
    expect(await readFile(path, 'utf8')).toBe('third');
    expect(await readdir(folder)).toEqual(['out.csv']);
  });

  it('goes to exactly one of two that finish at once', async () => {
    const path = join(await temporaryFolder(), 'out.csv');
    const outputs = await Promise.all([1, 2, 3].map(() => createOutput(path, { replace: false })));
    const ends = await Promise.allSettled(outputs.map((output) => output.commit()));
    await Promise.all(outputs.map((output) => output.abort()));
    expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1);
  });

  it('replaces a link that was planted there, without following it', async () => {
    const folder = await temporaryFolder();
    const victim = join(folder, 'victim');
    await writeFile(victim, 'mine');
    await symlink(victim, join(folder, 'out.csv'));
    const refused = await createOutput(join(folder, 'out.csv'), { replace: false });
    await expect(refused.commit()).rejects.toMatchObject({ code: 'already_exists' });
    await refused.abort();
    const output = await createOutput(join(folder, 'out.csv'), { replace: true });
    await output.write('ours');
    await output.commit();
    expect(await readFile(victim, 'utf8')).toBe('mine');
    expect(await readFile(join(folder, 'out.csv'), 'utf8')).toBe('ours');
  });

  it.each([true, false])(
    'is not put into a folder that was moved meanwhile, and what stood there stands there still: replacing, %s',
    async (replace) => {
      const root = await temporaryFolder();
      await mkdir(join(root, 'work'));
      if (replace) await writeFile(join(root, 'work', 'out.csv'), 'earlier');
      const output = await createOutput(join(root, 'work', 'out.csv'), { replace });
      await output.write('answers');
      const moveAway = () => rename(join(root, 'work'), join(root, 'outside'));
      await expect(output.commit(moveAway)).rejects.toMatchObject({ code: 'not_allowed' });
      await output.abort();
      expect(await readdir(join(root, 'outside'))).toEqual(replace ? ['out.csv'] : []);
      if (replace) expect(await readFile(join(root, 'outside', 'out.csv'), 'utf8')).toBe('earlier');
    },
  );

  it.each([
    ['earlier', 'answers'],
    ['changed by somebody', 'changed by somebody'],
  ])('asks of what stands there in the end whether it may be replaced: %s', async (found, expected) => {
    const path = join(await temporaryFolder(), 'out.csv');
    await writeFile(path, 'earlier');
    const mayReplace = async (sha256: string) => sha256 === sha256OfText('earlier');
    const output = await createOutput(path, { replace: true, mayReplace });
    await output.write('answers');
    const committed = output.commit(() => writeFile(path, found)).then(() => 'done', codeOf);
    expect(await committed).toBe(found === 'earlier' ? 'done' : 'not_allowed');
    await output.abort();
    expect(await readFile(path, 'utf8')).toBe(expected);
    expect(await readdir(dirname(path))).toEqual(['out.csv']);
  });

  it('names the path in what goes wrong', async () => {
    const folder = await temporaryFolder();
    const failure = (code: string) => ({ code, message: expect.stringContaining('out.csv') });
    await expect(createOutput(join(folder, 'none', 'out.csv'), { replace: false })).rejects.toMatchObject(
      failure('not_found'),
    );
    await mkdir(join(folder, 'out.csv'));
    const output = await createOutput(join(folder, 'out.csv'), { replace: true });
    await expect(output.commit()).rejects.toMatchObject(failure('invalid_input'));
    await output.abort();
  });

  it('takes the longest name that a folder takes', async () => {
    const folder = await temporaryFolder();
    const name = `${'ä'.repeat(125)}.csv`;
    const output = await createOutput(join(folder, name), { replace: false });
    await output.commit();
    expect(await readdir(folder)).toEqual([name]);
  });
});
