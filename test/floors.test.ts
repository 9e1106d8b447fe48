import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/** From the top of the house to the bottom: what stands in a folder or file imports from those below it only. */
const FLOORS = [
  'server.ts',
  'cli.ts',
  'index.ts',
  'cli',
  'guide.ts',
  'batch-server.ts',
  'client.ts',
  'batch-server.ts',
  'public-types.ts',
  'mcp',
  'tools',
  'config',
  'operations',
  'answers',
  'tasks',
  'sending',
  'cost',
  'state',
  'store',
  'templates',
  'provider',
  'lib',
  'errors.ts',
  'log.ts',
  'version.ts',
];

const LONGEST_FILE = 250;
const FULLEST_FOLDER = 25;
const LARGEST_SHARE = 0.2;

type SourceFile = { name: string; room: string; lines: number; imports: string[] };

const roomOf = (name: string) => name.split('/')[0] ?? name;

/** Every relative import of a module, dynamic ones too, as a path from `src/`. */
function importsOf(name: string, text: string): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier]) =>
    path.posix.join(path.posix.dirname(name), specifier ?? ''),
  );
}

const files: SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(path.sep).join('/'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(path.join(SRC, name), 'utf8');
    return { name, room: roomOf(name), lines: text.split('\n').length - 1, imports: importsOf(name, text) };
  });

/** Each set of modules that reach one another by their imports, those of types too. */
function circlesOf(modules: readonly Pick<SourceFile, 'name' | 'imports'>[]): string[][] {
  const imports = new Map(modules.map((each) => [each.name, each.imports]));
  const reachedFrom = (start: string): Set<string> => {
    const reached = new Set<string>();
    const left = [...(imports.get(start) ?? [])];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      left.push(...(imports.get(next) ?? []));
    }
    return reached;
  };
  const reach = new Map(modules.map(({ name }) => [name, reachedFrom(name)]));
  const circles = new Map<string, string[]>();
  for (const { name } of modules) {
    const circle = [...(reach.get(name) ?? [])].filter((other) => reach.get(other)?.has(name)).sort();
    if (circle.length > 0) circles.set(circle.join(' '), circle);
  }
  return [...circles.values()];
}

describe('the house', () => {
  test('every folder and file of src/ has its floor', () => {
    expect([...new Set(files.map(({ room }) => room))].filter((room) => !FLOORS.includes(room))).toEqual([]);
  });

  test('imports run downward only', () => {
    const arrowsUp = files.flatMap(({ name, room, imports }) =>
      imports
        .filter((target) => FLOORS.indexOf(roomOf(target)) < FLOORS.indexOf(room))
        .map((target) => `${name} -> ${target}`),
    );
    expect(arrowsUp).toEqual([]);
  });

  test('no file reaches itself by its imports', () => {
    expect(circlesOf(files)).toEqual([]);
  });

  test('circles are found', () => {
    const modules = [
      { name: 'a.ts', imports: ['b.ts'] },
      { name: 'b.ts', imports: ['c.ts', 'd.ts'] },
      { name: 'c.ts', imports: ['a.ts'] },
      { name: 'd.ts', imports: [] },
    ];
    expect(circlesOf(modules)).toEqual([['a.ts', 'b.ts', 'c.ts']]);
  });

  test('imports are found, dynamic ones too', () => {
    expect(importsOf('mcp/a.ts', "import { x } from '../lib/x.ts';\nawait import('./b.ts');")).toEqual([
      'lib/x.ts',
      'mcp/b.ts',
    ]);
    expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(files.length);
  });

  test('no folder holds more than a fifth of the lines', () => {
    const total = files.reduce((sum, { lines }) => sum + lines, 0);
    const rooms = new Map<string, number>();
    for (const { room, lines } of files) rooms.set(room, (rooms.get(room) ?? 0) + lines);
    expect([...rooms].filter(([, lines]) => lines > total * LARGEST_SHARE)).toEqual([]);
  });

  test('no folder is too full to be read, and none is made for one file', () => {
    const folders = new Map<string, number>();
    for (const { name } of files) {
      const folder = path.posix.dirname(name);
      folders.set(folder, (folders.get(folder) ?? 0) + 1);
    }
    expect([...folders].filter(([, count]) => count > FULLEST_FOLDER || count === 1)).toEqual([]);
  });

  test('no file is longer than a page that can be read', () => {
    expect(files.filter(({ lines }) => lines > LONGEST_FILE).map(({ name }) => name)).toEqual([]);
  });
});
