import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll } from 'vitest';
import { z } from 'zod';
import { npm } from './programs.ts';

const project = path.resolve(import.meta.dirname, '..');

const dist = path.join(project, 'dist');
/** Every file of dist/ that imports others by name is reached from one of these. */
export const builtEntries = ['server.js', 'cli.js', 'index.js', 'examine-thread.js'];

/** The files of dist/ that these load, by imports of such a form, themselves among them. */
export async function reachedFrom(entries: readonly string[], imports: RegExp): Promise<Set<string>> {
  const reached = new Set<string>(entries);
  for (const name of reached) {
    const text = await readFile(path.join(dist, name), 'utf8');
    for (const [, imported] of text.matchAll(imports)) if (imported) reached.add(imported);
  }
  return reached;
}
export const staticImports = /(?:from|import) ?"\.\/([^"]+)"/g;
export const anyImports = /(?:from|import) ?\(?"\.\/([^"]+)"/g;

export type PackedPackage = {
  /** The tarball, from what is built. */
  readonly tarball: string;
  /** An empty folder of a user's, in which it was installed without the network. */
  readonly folder: string;
  /** The installed package. */
  readonly installed: string;
};

const packed = z.tuple([z.object({ filename: z.string() })]);

/** Packs the package and installs it in an empty folder: once before the tests of a file, and gone after them. */
export function packForTests(): PackedPackage {
  const places = { tarball: '', folder: '', installed: '' };
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-packed-'));
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', '..'];
    const copy = await copyOfProject(folder);
    const [{ filename }] = packed.parse(JSON.parse((await npm(pack, copy)).stdout));
    places.tarball = path.join(folder, filename);
    places.folder = folder;
    places.installed = path.join(folder, 'node_modules/batch-mcp');
    await writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}');
    await npm(['install', '--offline', '--no-audit', '--no-fund', `./${filename}`], folder);
    return () => rm(folder, { recursive: true });
  });
  return places;
}

/** What is packed, with what is built already (other tests run from it) and without what earlier builds have left. */
async function copyOfProject(folder: string): Promise<string> {
  const copy = path.join(folder, 'project');
  await mkdir(path.join(copy, 'dist'), { recursive: true });
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs', 'examples'])
    await cp(path.join(project, name), path.join(copy, name), { recursive: true });
  for (const name of [...(await reachedFrom(builtEntries, anyImports)), 'index.d.ts', 'NOTICE.txt'])
    await cp(path.join(dist, name), path.join(copy, 'dist', name));
  return copy;
}

/** The manifest of the package in a folder, as far as tests look at it. */
export async function manifestIn(folder: string) {
  return manifest.parse(JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')));
}

const names = z.record(z.string(), z.string()).default({});
const manifest = z.looseObject({
  name: z.string(),
  version: z.string(),
  dependencies: names,
  devDependencies: names,
});
