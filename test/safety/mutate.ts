import { execFileSync } from 'node:child_process';
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import type { Chance } from './chance.ts';

type Change = {
  name: string;
  on: 'files' | 'folders' | 'both';
  /** `others` are those of the same kind. Gives which of them was changed as well, if any. */
  make(at: string, chance: Chance, others: readonly string[]): Promise<unknown>;
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

/** Another one of the same name, of another batch or register, else any. */
function another(at: string, chance: Chance, others: readonly string[]): string {
  const alike = others.filter((other) => path.basename(other) === path.basename(at) && other !== at);
  const all = chance.percent(70) && alike.length > 0 ? alike : others;
  return all[chance.whole(all.length)] ?? at;
}

async function swap(at: string, chance: Chance, others: readonly string[]) {
  const other = another(at, chance, others);
  if (other === at || other.startsWith(`${at}/`) || at.startsWith(`${other}/`)) return at;
  const between = `${at}.between`;
  await rename(at, between);
  await rename(other, at);
  await rename(between, other);
  return other;
}

/** A register as it was some revisions ago, as where an older copy was restored. */
async function takeBack(at: string, chance: Chance) {
  const revisions = (await readdir(at)).filter((name) => /^\d{8}\.json$/.test(name)).sort();
  const kept = chance.whole(revisions.length + 1);
  for (const name of revisions.slice(kept)) await rm(path.join(at, name));
}

const changes: readonly [Change, ...Change[]] = [
  { name: 'swapped with another', on: 'both', make: swap },
  {
    name: 'made a copy of another',
    on: 'files',
    make: async (at, chance, others) => {
      const from = another(at, chance, others);
      if (from !== at) await cp(from, at);
    },
  },
  { name: 'taken back', on: 'folders', make: takeBack },
  { name: 'taken back', on: 'folders', make: takeBack },
  {
    name: 'cut at the end of a line',
    on: 'files',
    make: (at, chance) => changeLines(at, (lines) => lines.slice(0, chance.whole(lines.length + 1))),
  },
  {
    name: 'made a device without end',
    on: 'files',
    make: (at) => inPlaceOf(at, () => execFileSync('mknod', [at, 'c', '1', '5'])),
  },
  {
    name: 'made old',
    on: 'both',
    make: (at) => utimes(at, new Date(0), new Date(0)),
  },
  {
    name: 'made of the future',
    on: 'both',
    make: (at) => utimes(at, new Date('2100-01-01'), new Date('2100-01-01')),
  },
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
  const other = await change.make(at, chance, all);
  const also = typeof other === 'string' ? ` with ${path.relative(folder, other)}` : '';
  return { name: change.name, path: `${path.relative(folder, at)}${also}` };
}
