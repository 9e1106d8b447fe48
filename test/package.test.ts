import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { advertised } from '../src/tools/advertised.ts';
import { builtServer, spawnServer } from './harness.ts';

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string(),
      resolved: z.undefined().optional(),
      optionalDependencies: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/**
 * npm leaves out what its registry does not have, such as another platform's binaries, and `npm ci` then refuses
 * the lock file that npm itself wrote (github.com/npm/cli/issues/9846).
 */
test('package-lock.json names every optional package, and no registry', async () => {
  const text = await readFile(path.resolve(import.meta.dirname, '../package-lock.json'), 'utf8');
  const { packages } = lockFile.parse(JSON.parse(text));
  const places = Object.keys(packages);
  const wanted = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies));
  const absent = wanted.filter((name) => !places.some((place) => place.endsWith(`node_modules/${name}`)));

  expect(wanted).not.toEqual([]);
  expect(absent).toEqual([]);
});

describe('what is built', () => {
  const dist = path.dirname(builtServer);
  const ENTRIES = ['server.js', 'cli.js', 'examine-thread.js'];
  const STATIC = /(?:from|import) ?"\.\/([^"]+)"/g;
  const ANY = /(?:from|import) ?\(?"\.\/([^"]+)"/g;

  /** The files that these load, by such imports, themselves among them. */
  async function reach(entries: readonly string[], imports: RegExp): Promise<Set<string>> {
    const reached = new Set<string>(entries);
    for (const name of reached) {
      const text = await readFile(path.join(dist, name), 'utf8');
      for (const [, imported] of text.matchAll(imports)) if (imported) reached.add(imported);
    }
    return reached;
  }

  test('holds no file that nothing imports', async () => {
    const reached = await reach(ENTRIES, ANY);
    const built = (await stat(builtServer)).mtimeMs;
    const unused = [];
    for (const name of await readdir(dist)) {
      // Files of the build before are left for servers that run from them.
      const isOfThisBuild = (await stat(path.join(dist, name))).mtimeMs > built - 1000;
      if (name.startsWith('chunk-') && isOfThisBuild && !reached.has(name)) unused.push(name);
    }
    expect(reached.size).toBeGreaterThan(ENTRIES.length);
    expect(unused).toEqual([]);
  });

  test('starts from few bytes: the rest is loaded when the list of tools has left', async () => {
    const text = await readFile(builtServer, 'utf8');
    const [, main = ''] = /import\("\.\/([^"]+)"\)/.exec(text) ?? [];
    let bytes = 0;
    for (const name of await reach(['server.js', main], STATIC))
      bytes += (await stat(path.join(dist, name))).size;
    expect(bytes).toBeLessThan(220_000);
  });

  test('advertises what the sources do', async () => {
    const server = await spawnServer();
    expect((await server.client.listTools()).tools).toEqual(advertised.all);
    const readOnly = await spawnServer({ argv: ['--read-only'] });
    expect((await readOnly.client.listTools()).tools).toEqual(advertised.readOnly);
  });
});
