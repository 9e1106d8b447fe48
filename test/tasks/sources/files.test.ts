import { execFileSync } from 'node:child_process';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchError, renderError } from '../../../src/errors.ts';
import { type AllowedFolders, createAllowedFolders } from '../../../src/lib/files/allowed-folders.ts';
import { readFound } from '../../../src/lib/files/roots.ts';
import { inGroups } from '../../../src/tasks/sources/files/files-source.ts';
import { type FoundFile, findFiles } from '../../../src/tasks/sources/files/find-files.ts';
import {
  type FileItem,
  openFiles,
  readFileItems,
  readNow,
} from '../../../src/tasks/sources/files/read-files.ts';
import { type Skipped, skippedText } from '../../../src/tasks/sources/files/skipped.ts';
import { splitText } from '../../../src/tasks/sources/text-file.ts';
import { temporaryFolder } from '../../harness.ts';

const PNG = Buffer.from('89504e470d0a1a0a0000000d494844520000000049454e44ae426082', 'hex');
const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(40)]);

type World = { root: string; work: string; folders: AllowedFolders };

/** Two allowed folders, `work` and `other`, and a foreign one. */
async function world(files: Record<string, string | Buffer>): Promise<World> {
  const root = await temporaryFolder();
  for (const folder of ['work', 'other', 'secret']) await mkdir(path.join(root, folder));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  const work = path.join(root, 'work');
  const folders = createAllowedFolders({ allowed: [work, path.join(root, 'other')], base: work });
  return { root, work, folders };
}

type Read = { items: FileItem[]; skipped: Record<string, number>; named: string };

async function read({ root, folders }: World, patterns: string[], split_chars?: number): Promise<Read> {
  const skipped: Skipped = new Map();
  const items: FileItem[] = [];
  const given = patterns.map((pattern) => pattern.replace('$ROOT', root));
  for await (const file of openFiles(findFiles(given, folders, skipped), folders, 2)) {
    for await (const item of readFileItems(file, { split_chars, skipped })) items.push(item);
  }
  if (split_chars === undefined) {
    const onThread: Skipped = new Map();
    expect(await readOnThread(findFiles(given, folders, onThread), folders, onThread)).toEqual(items);
    expect(onThread).toEqual(skipped);
  }
  const counts = [...skipped].map(([reason, { count }]) => [reason, count]);
  return { items, skipped: Object.fromEntries(counts), named: skippedText(skipped) };
}

/** As a thread reads them. */
async function readOnThread(
  found: AsyncIterable<FoundFile>,
  folders: AllowedFolders,
  skipped: Skipped,
): Promise<FileItem[]> {
  const items: FileItem[] = [];
  for await (const { files } of inGroups(found, folders)) {
    // Threads get copies.
    const { files: all, roots } = structuredClone(files);
    for (const file of all) {
      const read = readFileItems(readNow(file, roots), { split_chars: undefined, skipped });
      for await (const item of read) items.push(item);
    }
  }
  return items;
}

const ids = ({ items }: Read) => items.map(({ task_id }) => task_id);

describe('the files that patterns name', () => {
  const files = {
    'work/a.ts': 'a',
    'work/b.md': 'b',
    'work/src/c.ts': 'c',
    'work/src/c.test.ts': 'ct',
    'work/src/deep/d.ts': 'd',
    'work/src/deep/e.tsx': 'e',
    'work/notes [old].txt': 'n',
    'work/notes (new).txt': 'n',
    'work/Ünïcode/ß.txt': 'u',
    'work/node_modules/pkg/lib/i.js': 'i',
    'work/node_modules/pkg/node_modules/q/j.js': 'j',
    'work/.env': 'KEY=1',
    'work/.git/config': 'c',
    'work/.github/w.yml': 'w',
    'work/src/.hidden.ts': 'h',
    'other/o.ts': 'o',
    'secret/s.ts': 's',
  };
  it.each<[patterns: string[], names: string[], skipped?: Record<string, number>]>([
    [['a.ts'], ['a.ts']],
    [['./a.ts'], ['a.ts']],
    [['[!a].*'], ['b.md']],
    [['[^a].*'], ['b.md']],
    [['src/**/[!c]*.ts*'], ['src/deep/d.ts', 'src/deep/e.tsx'], { hidden: 1 }],
    [['\u00dcn\u00efcode/\u00df.txt'.normalize('NFD')], ['Ünïcode/ß.txt']],
    [['U\u0308*/*'], ['Ünïcode/ß.txt'], { hidden: 1, node_modules: 1 }],
    [['**/*.txt', '!U\u0308*/**'], ['notes (new).txt', 'notes [old].txt'], { hidden: 1, node_modules: 1 }],
    [['src/../a.ts'], ['a.ts']],
    [['a.ts', 'a.ts', './a.ts', '*.ts'], ['a.ts']],
    [
      ['b.md', 'a.ts'],
      ['b.md', 'a.ts'],
    ],
    [['*.ts'], ['a.ts']],
    [['**/*.ts'], ['a.ts', 'src/c.test.ts', 'src/c.ts', 'src/deep/d.ts'], { hidden: 2, node_modules: 1 }],
    [['**/*.ts', '!**/*.test.ts'], ['a.ts', 'src/c.ts', 'src/deep/d.ts'], { hidden: 2, node_modules: 1 }],
    [['**/*.ts', '!*.test.ts'], ['a.ts', 'src/c.ts', 'src/deep/d.ts'], { hidden: 2, node_modules: 1 }],
    [['**/*.ts', '!src'], ['a.ts'], { hidden: 1, node_modules: 1 }],
    [['**/*.ts', '!src/'], ['a.ts'], { hidden: 1, node_modules: 1 }],
    [['**/*.ts', '!src/deep/**'], ['a.ts', 'src/c.test.ts', 'src/c.ts'], { hidden: 2, node_modules: 1 }],
    [['**/*.ts', '!./src/**'], ['a.ts'], { hidden: 1, node_modules: 1 }],
    [
      ['src/**/*.{ts,tsx}', '!$ROOT/work/src/deep/d.ts'],
      ['src/c.test.ts', 'src/c.ts', 'src/deep/e.tsx'],
      { hidden: 1 },
    ],
    [['src/*.ts'], ['src/c.test.ts', 'src/c.ts'], { hidden: 1 }],
    [['*/*.ts'], ['src/c.test.ts', 'src/c.ts'], { hidden: 2, node_modules: 1 }],
    [['{src/deep,src}/*.ts'], ['src/c.test.ts', 'src/c.ts', 'src/deep/d.ts'], { hidden: 2, node_modules: 1 }],
    [['* (new).txt'], ['notes (new).txt']],
    [['+(a|b)+(a|b).ts'], []],
    [['src/!(c).ts'], []],
    [['!(a).ts', 'b.md'], ['b.md'], { not_there: 1 }],
    [['a.ts', '*.tsx', 'b.md'], ['a.ts', 'b.md'], { unmatched: 1 }],
    [['a.ts', 'src/*.mjs', 'none*/**'], ['a.ts'], { unmatched: 2, hidden: 1, node_modules: 1 }],
    [['src/*.ts', 'src/c.ts'], ['src/c.test.ts', 'src/c.ts'], { hidden: 1 }],
    [['*.ts', 'src/*.ts', '!src/**'], ['a.ts']],
    [['*.tsx', '*.mjs'], []],
    [['src/*.ts', '!SRC/**', '!c.ts', '!**/C.ts'], ['src/c.test.ts'], { hidden: 1, not_there: 2 }],
    [['*.ts', '!dist/*.js', '!**/*.spec.ts', '!node_modules/**', '!.cache'], ['a.ts']],
    [['src/**/*.ts', '!src', '!src/deep'], []],
    [['src'], ['src/c.test.ts', 'src/c.ts', 'src/deep/d.ts', 'src/deep/e.tsx'], { hidden: 1 }],
    [['src/'], ['src/c.test.ts', 'src/c.ts', 'src/deep/d.ts', 'src/deep/e.tsx'], { hidden: 1 }],
    [['notes [old].txt'], ['notes [old].txt']],
    [['notes (new).txt'], ['notes (new).txt']],
    [['*.txt'], ['notes (new).txt', 'notes [old].txt']],
    [['Ünïcode/*'], ['Ünïcode/ß.txt']],
    [['node_modules/pkg/lib/*.js'], ['node_modules/pkg/lib/i.js']],
    [['node_modules/pkg/**/*.js'], ['node_modules/pkg/lib/i.js'], { node_modules: 1 }],
    [
      ['**/*.txt', 'Ünïcode', '!node_modules', '!.*'],
      ['notes (new).txt', 'notes [old].txt', 'Ünïcode/ß.txt'],
    ],
    [['src', 'src/**'], ['src/c.test.ts', 'src/c.ts', 'src/deep/d.ts', 'src/deep/e.tsx'], { hidden: 1 }],
    [['.env'], [], { named_hidden: 1 }],
    [['.git/config'], [], { named_hidden: 1 }],
    [['.github/*'], [], { named_hidden: 1 }],
    [['$ROOT/work/src/c.ts'], ['src/c.ts']],
    [['$ROOT/other/*.ts'], ['o.ts']],
    [['../other/*.ts'], ['o.ts']],
  ])('%j', async (patterns, names, skipped = {}) => {
    const found = await read(await world(files), patterns);
    expect(ids(found)).toEqual(names);
    expect(found.skipped).toEqual(skipped);
  });

  it.each<[patterns: string[], code: string, told: string]>([
    [['none.ts'], 'not_found', 'none.ts'],
    [['none/*.ts'], 'not_found', 'none'],
    [['$ROOT/secret/s.ts'], 'not_allowed', 'outside the folders'],
    [['$ROOT/secret/*.ts'], 'not_allowed', 'outside the folders'],
    [['../secret/*'], 'not_allowed', 'outside the folders'],
    [['/etc/*'], 'not_allowed', 'outside the folders'],
    [['**/../../secret/*'], 'invalid_input', '..'],
    [['*/../../secret/s.ts'], 'invalid_input', '..'],
    [['!src/**'], 'invalid_input', 'only what to leave out'],
    [[''], 'invalid_input', 'empty'],
    [['a\0.ts'], 'invalid_input', 'NUL'],
  ])('%j is refused with %s', async (patterns, code, told) => {
    const error: unknown = await read(await world(files), patterns).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect(error instanceof BatchError && renderError(error)).toContain(told);
  });
});

describe('what is left out', () => {
  it('by .gitignore, nested ones and exceptions too', async () => {
    const there = await world({
      'work/.gitignore': 'dist/\n*.log\n!keep.log\n/top.txt\n',
      'work/dist/x.js': 'x',
      'work/a.log': 'a',
      'work/keep.log': 'k',
      'work/top.txt': 't',
      'work/sub/top.txt': 't',
      'work/sub/.gitignore': '*.txt\n!a.log\n',
      'work/sub/a.log': 'a',
      'work/sub/b.log': 'b',
    });
    const all = await read(there, ['**/*']);
    expect(ids(all)).toEqual(['keep.log', 'sub/a.log']);
    expect(all.skipped).toEqual({ hidden: 2, ignored: 5 });
    // What is named is wanted.
    expect(ids(await read(there, ['dist/*.js']))).toEqual(['dist/x.js']);
    expect(ids(await read(there, ['a.log', 'top.txt']))).toEqual(['a.log', 'top.txt']);
  });

  it('links, wherever they lead', async () => {
    const there = await world({ 'work/a.txt': 'a', 'secret/s.txt': 's', 'work/.env': 'K=1' });
    const link = (to: string, name: string) => symlink(to, path.join(there.work, name));
    await link(path.join(there.root, 'secret/s.txt'), 'out.txt');
    await link(path.join(there.root, 'secret'), 'folder');
    await link('a.txt', 'in.txt');
    await link('.env', 'env.txt');
    await link('.', 'loop');
    const found = await read(there, ['**/*']);
    expect(ids(found)).toEqual(['a.txt']);
    expect(found.skipped).toEqual({ hidden: 1, link: 5 });
    // A link that is named is what it leads to, and that is what is looked at.
    expect(ids(await read(there, ['in.txt']))).toEqual(['a.txt']);
    expect((await read(there, ['env.txt'])).skipped).toEqual({ named_hidden: 1 });
    await expect(read(there, ['out.txt'])).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(read(there, ['folder/*'])).rejects.toMatchObject({ code: 'not_allowed' });
  });

  it('pipes, which nothing would ever come from', async () => {
    const there = await world({ 'work/a.txt': 'a' });
    execFileSync('mkfifo', [path.join(there.work, 'p.txt')]);
    const found = await read(there, ['*']);
    expect(ids(found)).toEqual(['a.txt']);
    expect(found.skipped).toEqual({ special: 1 });
    expect((await read(there, ['p.txt'])).skipped).toEqual({ unreadable: 1 });
  });

  it.each<[name: string, content: string | Buffer, reason: string]>([
    ['id_rsa', 'x', 'key'],
    ['server.pem', 'x', 'key'],
    ['app.key', 'x', 'key'],
    ['credentials.json', '{}', 'key'],
    ['secrets.yaml', 'a: b', 'key'],
    ['prod.env', 'A=1', 'key'],
    ['service-account-7.json', '{}', 'key'],
    ['notes.txt', 'My key:\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc', 'key'],
    ['id_rsa.bak', 'x', 'key'],
    ['id_ed25519 (1)', 'x', 'key'],
    ['server.pem.old', 'x', 'key'],
    ['client_secret_17.apps.googleusercontent.com.json', '{}', 'key'],
    ['secrets.prod.yml', 'a: b', 'key'],
    ['application_default_credentials.json', '{}', 'key'],
    ['app.env.local', 'A=1', 'key'],
    ['terraform.tfstate', '{}', 'key'],
    ['terraform.tfstate.backup', '{}', 'key'],
    ['_netrc', 'machine x', 'key'],
    ['locked.pdf', '%PDF-1.4\n1 0 obj<</Type/Page>>endobj\ntrailer<</Root 1 0 R/Encrypt 5 0 R>>', 'locked'],
    ['cut.pdf', '%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n2 0 ob', 'cut'],
    ['cut.png', PNG.subarray(0, -12), 'cut'],
    ['cut.jpg', Buffer.from('ffd8ffda000801010000'.padEnd(600, '3f'), 'hex'), 'cut'],
    ['utf32.txt', Buffer.from('fffe000061000000', 'hex'), 'binary'],
    ['empty.txt', '', 'empty'],
    ['blank.txt', ' \n\n', 'empty'],
    ['program', Buffer.from('7f454c460201010000000000', 'hex'), 'binary'],
    ['a.zip', zip, 'binary'],
    ['a.txt', Buffer.from('text\0with zeros'), 'binary'],
    ['a.gz', Buffer.from([0x1f, 0x8b, 8]), 'binary'],
    ['a.png', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'), 'pointer'],
    ['a.docx', zip, 'office'],
    ['a.xlsx', zip, 'office'],
    ['a.doc', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'office'],
    ['a.tiff', Buffer.from('II*\0xxxx'), 'image'],
    ['a.heic', Buffer.from('\0\0\0\x18ftypheic'), 'image'],
    ['a.bmp', Buffer.from('BM\x10\0\0\0\0\0\0\0\x36'), 'image'],
    ['latin1.txt', Buffer.from('café', 'latin1'), 'encoding'],
  ])('%s, and said why', async (name, content, reason) => {
    const { items, skipped } = await read(await world({ [`work/${name}`]: content, 'work/z.md': 'z' }), [
      '*',
    ]);
    expect(items.map(({ task_id }) => task_id)).toEqual(['z.md']);
    expect(skipped).toEqual({ [reason]: 1 });
  });
});

it('names the first of what is left out, each once', async () => {
  const empty = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`work/x/${name}.md`, '']));
  const { named } = await read(await world({ ...empty, [`work/${'long'.repeat(30)}.bin`]: '\0' }), [
    '**/*',
    'x',
  ]);
  expect(named).toBe(`1 binary: "…${'long'.repeat(14)}.bin"; 4 empty: "x/a.md", "x/b.md", "x/c.md", …`);
});

describe('what a file becomes', () => {
  it.each<[name: string, content: Buffer, kind: string, media: string]>([
    ['scan.pdf', Buffer.from('%PDF-1.7 x\n%%EOF'), 'pdf', 'application/pdf'],
    ['scan.txt', Buffer.from('junk\n%PDF-1.4\n%%EOF'), 'pdf', 'application/pdf'],
    ['photo.jpg', PNG, 'image', 'image/png'],
    ['photo', Buffer.from('ffd8ffe000064a464946ffd9', 'hex'), 'image', 'image/jpeg'],
    ['a.bin', Buffer.from('GIF89a..'), 'image', 'image/gif'],
    ['a.png', Buffer.from('RIFF\x08\0\0\0WEBPVP8 '), 'image', 'image/webp'],
  ])('%s is sent as what its first bytes say', async (name, content, kind, media_type) => {
    const { items } = await read(await world({ [`work/${name}`]: content }), [name]);
    const attachment = { kind, media_type, data: content.toString('base64') };
    expect(items).toMatchObject([{ task_id: name, attachment }]);
  });

  it.each<[name: string, content: Buffer, text: string]>([
    ['bom.txt', Buffer.from('\ufeffhé\r\n'), 'hé\r\n'],
    ['utf16.txt', Buffer.from('\ufeffhé', 'utf16le'), 'hé'],
    ['mac.txt', Buffer.from('a\rb\r'), 'a\rb\r'],
    ['pic.svg', Buffer.from('<svg/>'), '<svg/>'],
    ['BM.txt', Buffer.from('BMW builds cars'), 'BMW builds cars'],
    ['id_rsa.pub', Buffer.from('ssh-rsa AAAA'), 'ssh-rsa AAAA'],
    ['secret-santa.txt', Buffer.from('who'), 'who'],
    ['environment.ts', Buffer.from('x'), 'x'],
    ['credentials-guide.md', Buffer.from('x'), 'x'],
  ])('%s is text, as it stands', async (name, content, text) => {
    expect((await read(await world({ [`work/${name}`]: content }), [name])).items).toMatchObject([{ text }]);
  });

  it('knows its path in parts', async () => {
    const there = await world({ 'work/src/a.test.ts': 'x', 'work/Makefile': 'y' });
    const { items } = await read(there, ['src/a.test.ts', 'Makefile']);
    expect(items.map(({ cells }) => cells)).toEqual([
      { path: 'src/a.test.ts', dir: 'src', stem: 'a.test', ext: 'ts' },
      { path: 'Makefile', dir: '.', stem: 'Makefile', ext: '' },
    ]);
  });

  it('is cut at line ends where it is longer than asked', async () => {
    const lines = Array.from({ length: 10 }, (_, line) => `line ${line}\n`).join('');
    const { items } = await read(await world({ 'work/a.log': lines, 'work/b.log': 'short' }), ['*.log'], 25);
    expect(items.map(({ task_id }) => task_id)).toEqual([
      'a.log#1',
      'a.log#2',
      'a.log#3',
      'a.log#4',
      'b.log',
    ]);
    expect(items.map((item) => ('text' in item ? item.text : '')).join('')).toBe(`${lines}short`);
    expect(items.map(({ cells }) => cells.part)).toEqual([1, 2, 3, 4, undefined]);
  });

  it('has no part without a word', async () => {
    const there = await world({ 'work/a.log': 'aaaa\r\nbbbb\n\n\n\n\n\n\n\ncccc\r\n' });
    const { items } = await read(there, ['a.log'], 5);
    expect(items.map((item) => [item.task_id, 'text' in item && item.text])).toEqual([
      ['a.log#1', 'aaaa'],
      ['a.log#2', 'bbbb\n'],
      ['a.log#3', 'cccc'],
    ]);
  });

  it('a problem where no request could hold it', async () => {
    const there = await world({
      'work/big.log': Buffer.alloc(32_000_000, 'x'),
      'work/big.pdf': Buffer.concat([Buffer.from('%PDF-1.7'), Buffer.alloc(24_000_000)]),
    });
    const { items } = await read(there, ['big.*']);
    expect(items).toMatchObject([
      { task_id: 'big.log', problem: { problem: 'is 32 MB of text, more than a request can hold' } },
      { task_id: 'big.pdf', problem: { problem: 'is 25 MB, more than a request can hold' } },
    ]);
  });

  it.each(['here', 'on a thread'])(
    'nothing where it is gone, or a link, or its folder is one, by the time it is read %s',
    async (where) => {
      const names = ['a.txt', 'b.txt', 'c.txt', 'moved/d.txt', 'out/s.txt'];
      const there = await world({
        ...Object.fromEntries(names.map((name) => [`work/${name}`, name])),
        'secret/s.txt': 'secret',
      });
      const inWork = (name: string) => path.join(there.work, name);
      const skipped: Skipped = new Map();
      async function* found() {
        const files: FoundFile[] = [];
        for await (const file of findFiles(['**/*.txt'], there.folders, skipped)) files.push(file);
        await rm(inWork('a.txt'));
        await rm(inWork('b.txt'));
        await symlink('c.txt', inWork('b.txt'));
        await rename(inWork('moved'), inWork('elsewhere'));
        await symlink('elsewhere', inWork('moved'));
        await rm(inWork('out'), { recursive: true });
        await symlink(path.join(there.root, 'secret'), inWork('out'));
        yield* files;
      }
      const items: FileItem[] = [];
      if (where === 'here') {
        for await (const file of openFiles(found(), there.folders, 3)) {
          for await (const item of readFileItems(file, { split_chars: undefined, skipped })) items.push(item);
        }
      } else items.push(...(await readOnThread(found(), there.folders, skipped)));
      expect(items).toMatchObject([{ task_id: 'c.txt', text: 'c.txt' }]);
      expect((skipped.get('unreadable')?.count ?? 0) + (skipped.get('link')?.count ?? 0)).toBe(4);
    },
  );

  it('nothing that a thread is asked for outside its folders, or in those it must not read', async () => {
    const there = await world({ 'work/a.txt': 'a', 'work/data/k.txt': 'k', 'secret/s.txt': 's' });
    const inside = [there.work];
    const never = [path.join(there.work, 'data')];
    const read = (name: string, within: string[] | null = inside) =>
      readFound(path.join(there.root, name), { inside: within, never }, 10);
    expect(read('secret/s.txt')).toBe('unreadable');
    expect(read('work/data/k.txt')).toBe('unreadable');
    expect(read('work/data/k.txt', null)).toBe('unreadable');
    expect(read('work')).toBe('unreadable');
    expect(read('secret/s.txt', null)).toMatchObject({ size: 1 });
    expect(read('work/a.txt')).toEqual({ size: 1, bytes: Buffer.from('a') });
  });
});

it('cuts any text into parts that make it up again, each short enough, none within a character', async () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\n', '\r\n', ' ', '😀😀😀', 'x'.repeat(50)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece), fc.integer({ min: 2, max: 40 }), async (pieces, most) => {
      const parts: string[] = [];
      async function* each() {
        yield* pieces;
      }
      for await (const part of splitText(each(), most)) parts.push(part);
      expect(parts.join('')).toBe(pieces.join(''));
      expect(parts.filter((part) => part.length > most || part === '' || !part.isWellFormed())).toEqual([]);
    }),
  );
});
