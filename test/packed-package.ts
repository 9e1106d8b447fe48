import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll } from 'vitest';
import { z } from 'zod';

const project = path.resolve(import.meta.dirname, '..');
const run = promisify(execFile);

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
    // The build is there already, and other tests run from it.
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const [{ filename }] = packed.parse(JSON.parse((await run('npm', pack, { cwd: project })).stdout));
    places.tarball = path.join(folder, filename);
    places.folder = folder;
    places.installed = path.join(folder, 'node_modules/batch-mcp');
    await writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}');
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', places.tarball], { cwd: folder });
    return () => rm(folder, { recursive: true });
  });
  return places;
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
