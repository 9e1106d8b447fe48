import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { advertised } from '../src/tools/advertised.ts';
import { builtServer, spawnServer } from './harness.ts';
import { eachNth, eachNthOf } from './long.ts';
import {
  anyImports,
  builtEntries,
  manifestIn,
  packForTests,
  reachedFrom,
  staticImports,
} from './packed-package.ts';
import { runScript } from './programs.ts';

const project = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);

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

async function readLock() {
  return lockFile.parse(JSON.parse(await readFile(path.join(project, 'package-lock.json'), 'utf8')));
}

/**
 * npm leaves out what its registry does not have, such as another platform's binaries, and `npm ci` then refuses
 * the lock file that npm itself wrote (github.com/npm/cli/issues/9846).
 */
test('package-lock.json names every optional package, and no registry', async () => {
  const { packages } = await readLock();
  const places = Object.keys(packages);
  const wanted = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies));
  const absent = wanted.filter((name) => !places.some((place) => place.endsWith(`node_modules/${name}`)));

  expect(wanted).not.toEqual([]);
  expect(absent).toEqual([]);
});

describe('what is built', () => {
  const dist = path.dirname(builtServer);

  test('holds no file that nothing imports', async () => {
    const reached = await reachedFrom(builtEntries, anyImports);
    const built = (await stat(builtServer)).mtimeMs;
    const unused = [];
    for (const name of await readdir(dist)) {
      // Files of the build before are left for servers that run from them.
      const isOfThisBuild = (await stat(path.join(dist, name))).mtimeMs > built - 1000;
      if (name.startsWith('chunk-') && isOfThisBuild && !reached.has(name)) unused.push(name);
    }
    expect(reached.size).toBeGreaterThan(builtEntries.length);
    expect(unused).toEqual([]);
  });

  /** What only one era of the protocol is made of, and how much may be loaded until the list of tools has left. */
  const eras: { era: string; made: RegExp; most: number }[] = [
    { era: 'initialize', made: /fallbackRequestHandler/, most: 240_000 },
    { era: '2026-07-28', made: /supportedVersions/, most: 200_500 },
  ];
  eachNthOf(2, eras)('starts from few bytes in the era of $era', async ({ made, most }) => {
    const text = await readFile(builtServer, 'utf8');
    const [, main = ''] = /import\("\.\/([^"]+)"\)/.exec(text) ?? [];
    const first = await reachedFrom(['server.js', main], staticImports);
    const laterOn = [...(await reachedFrom([main], anyImports))].filter((name) => !first.has(name));
    const texts = await Promise.all(laterOn.map((name) => readFile(path.join(dist, name), 'utf8')));
    const [era = '', ...others] = laterOn.filter((_, index) => made.test(texts[index] ?? ''));
    expect([era, ...others]).toEqual([expect.stringMatching(/\.js$/)]);
    const start = ['server.js', main, era];
    let bytes = 0;
    for (const name of await reachedFrom(start, staticImports)) {
      bytes += (await stat(path.join(dist, name))).size;
    }
    expect(bytes).toBeLessThan(most);
  });

  test('advertises what the sources do', async () => {
    const server = await spawnServer();
    expect((await server.client.listTools()).tools).toEqual(advertised.all);
    const readOnly = await spawnServer({ argv: ['--read-only'] });
    expect((await readOnly.client.listTools()).tools).toEqual(advertised.readOnly);
  });
});

describe('what is packed', () => {
  const packed = packForTests();
  const LARGEST_BYTES = 5_000_000;

  /** The files of the installed package, as paths in it. */
  async function files(): Promise<string[]> {
    const found = await readdir(packed.installed, { recursive: true, withFileTypes: true });
    return found
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(packed.installed, path.join(entry.parentPath, entry.name)))
      .map((file) => file.replaceAll(path.sep, '/'));
  }

  test('is one package, small, with each file once', async () => {
    const packages = await readdir(path.join(packed.folder, 'node_modules'));
    expect(packages.filter((name) => !name.startsWith('.'))).toEqual(['batch-mcp']);
    expect((await manifestIn(packed.installed)).dependencies).toEqual({});
    const hashes = new Map<string, string>();
    let bytes = 0;
    for (const file of await files()) {
      const content = await readFile(path.join(packed.installed, file));
      bytes += content.length;
      const hash = createHash('sha256').update(content).digest('hex');
      expect(`${file} as ${hashes.get(hash)}`).toBe(`${file} as undefined`);
      hashes.set(hash, file);
    }
    expect(bytes).toBeLessThan(LARGEST_BYTES);
  });

  test('holds what a user reads and runs, and nothing of the tests or the sources', async () => {
    const found = await files();
    for (const file of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/cli.js',
      'dist/index.d.ts',
      'docs/tools.md',
    ])
      expect(found).toContain(file);
    expect(found.filter((file) => /^(src|test|bench|build)\b|compile-cache|\/\./.test(file))).toEqual([]);
  });

  test('says which packages are in it, with their versions and licences', async () => {
    const notice = await readFile(path.join(packed.installed, 'dist/NOTICE.txt'), 'utf8');
    const named = [...notice.matchAll(/^={80}\n(\S+) (\S+) \((\S+)\)\n\n(\S+)/gm)];
    expect(named.map(([, name]) => name)).toEqual(
      expect.arrayContaining(['@anthropic-ai/sdk', 'lowdb', 'zod']),
    );
    const { packages } = await readLock();
    for (const [, name = '', version] of named) {
      const locked = Object.entries(packages).filter(([place]) => place.endsWith(`node_modules/${name}`));
      expect({ name, versions: locked.map(([, each]) => each.version) }).toEqual({
        name,
        versions: expect.arrayContaining([version]),
      });
    }
  });

  test('has types that need no other package, and that every operation and every field goes by', async () => {
    const types = await readFile(path.join(packed.installed, 'dist/index.d.ts'), 'utf8');
    expect(types).not.toMatch(/\bimport\b|\bz\./);
    await cp(path.join(project, 'test/consumer'), packed.folder, { recursive: true });
    await cp(path.join(project, 'examples'), path.join(packed.folder, 'examples'), { recursive: true });
    const tsc = path.join(project, 'node_modules/typescript/bin/tsc');
    const compiled = run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: packed.folder });
    await expect(compiled.catch(({ stdout }) => stdout)).resolves.toMatchObject({ stdout: '' });
  });

  eachNth<[tool: string, of: string, flags: string[]]>(2, [
    ['publint', 'publint', ['--strict']],
    // It is modules only: what CommonJS of before Node 20 would find is no matter.
    ['attw', '@arethetypeswrong/cli', ['--profile', 'esm-only', '--format', 'ascii', '--no-color']],
  ])('%s finds nothing', async (tool, of, flags) => {
    await runScript([of, tool], [...flags, packed.tarball], packed.folder);
  });
});
