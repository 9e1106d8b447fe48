import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Chance } from './chance.ts';

type Change = {
  name: string;
  on: 'files' | 'folders' | 'both';
  make(at: string, chance: Chance): Promise<unknown>;
};

const inPlaceOf = async (at: string, make: () => unknown) => {
  await rm(at, { recursive: true });
  await make();
};

/** A value of a JSON text, taken by chance, becomes another. */
async function changeJson(at: string, chance: Chance) {
  const text = await readFile(at, 'utf8');
  const values = [...text.matchAll(/:(null|true|false|-?\d[\d.]*|"[^"\\]*"|\[\]|\{\})/g)];
  const found = values[chance.whole(Math.max(1, values.length))];
  if (found === undefined) return truncate(at, Math.floor(text.length / 2));
  const other = chance.one(['null', 'true', '-1', '1e400', '7', '""', '"?"', '[]', '{}', '[[]]', '"x"']);
  const start = found.index + 1;
  await writeFile(at, text.slice(0, start) + other + text.slice(start + (found[1]?.length ?? 0)));
}

async function changeByte(at: string, chance: Chance) {
  const bytes = await readFile(at);
  const place = chance.whole(Math.max(1, bytes.length));
  bytes[place] = chance.whole(256);
  await writeFile(at, bytes);
}

async function changeLines(at: string, change: (lines: string[]) => string[]) {
  const lines = (await readFile(at, 'utf8')).split('\n');
  await writeFile(at, change(lines).join('\n'));
}

const changes: readonly [Change, ...Change[]] = [
  { name: 'removed', on: 'both', make: (at) => rm(at, { recursive: true }) },
  { name: 'emptied', on: 'files', make: (at) => truncate(at) },
  {
    name: 'cut',
    on: 'files',
    make: async (at, chance) => truncate(at, chance.whole((await readFile(at)).length + 1)),
  },
  { name: 'one byte changed', on: 'files', make: changeByte },
  { name: 'one value changed', on: 'files', make: changeJson },
  { name: 'made JSON of another kind', on: 'files', make: (at) => writeFile(at, '{"a":[1]}') },
  { name: 'made null', on: 'files', make: (at) => writeFile(at, 'null') },
  { name: 'made longer', on: 'files', make: (at) => writeFile(at, '{}\n', { flag: 'a' }) },
  {
    name: 'filled with zeros',
    on: 'files',
    make: async (at) => writeFile(at, Buffer.alloc((await readFile(at)).length)),
  },
  { name: 'without its first line', on: 'files', make: (at) => changeLines(at, (lines) => lines.slice(1)) },
  {
    name: 'with a line twice',
    on: 'files',
    make: (at) => changeLines(at, ([first = '', ...rest]) => [first, first, ...rest]),
  },
  {
    name: 'turned round by lines',
    on: 'files',
    make: (at) => changeLines(at, (lines) => lines.toReversed()),
  },
  { name: 'made a folder', on: 'files', make: (at) => inPlaceOf(at, () => mkdir(at)) },
  { name: 'made a file', on: 'folders', make: (at) => inPlaceOf(at, () => writeFile(at, 'x')) },
  { name: 'emptied of all', on: 'folders', make: (at) => inPlaceOf(at, () => mkdir(at)) },
  { name: 'made a link to itself', on: 'both', make: (at) => inPlaceOf(at, () => symlink(at, at)) },
  {
    name: 'made a link to nothing',
    on: 'both',
    make: (at) => inPlaceOf(at, () => symlink('/nothing/there', at)),
  },
  {
    name: 'made a link to a file',
    on: 'files',
    make: (at) => inPlaceOf(at, () => symlink('/etc/passwd', at)),
  },
  { name: 'made a pipe', on: 'both', make: (at) => inPlaceOf(at, () => execFileSync('mkfifo', [at])) },
  { name: 'renamed', on: 'both', make: (at) => rename(at, `${at}.old`) },
  {
    name: 'given a later number',
    on: 'files',
    make: (at) => cp(at, path.join(path.dirname(at), `${String(90_000_000)}${path.extname(at)}`)),
  },
];

export type Mutation = { name: string; path: string };

/** Changes one thing below a folder by chance. */
export async function mutate(folder: string, chance: Chance): Promise<Mutation> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  const folders = entries.filter((entry) => entry.isDirectory() && entry.parentPath !== folder);
  const change = chance.one(changes);
  const isFolder = change.on === 'folders' || (change.on === 'both' && chance.percent(30));
  const all = (isFolder ? folders : files).map((entry) => path.join(entry.parentPath, entry.name)).sort();
  const at = all[chance.whole(all.length)] ?? folder;
  await change.make(at, chance);
  return { name: change.name, path: path.relative(folder, at) };
}
