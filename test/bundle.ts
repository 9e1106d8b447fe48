import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { beforeAll } from 'vitest';

/**
 * Bundles a script, with all that it imports, into `folder`: plain node starts it in a third of the time that it takes
 * through a compiler. Gives the file's path.
 */
export async function bundle(script: string, folder: string): Promise<string> {
  await build({
    entryPoints: [script],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Packages of the old kind look for a `require`, which a module does not have.
    banner: {
      js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
    },
  });
  return path.join(folder, `${path.basename(script, '.ts')}.mjs`);
}

/** Bundles a script for the tests of a file, which start it many times: once before them, and gone after them. */
export function bundleForTests(script: string): { readonly path: string } {
  const bundled = { path: '' };
  beforeAll(async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-bundle-'));
    bundled.path = await bundle(script, folder);
    return () => rm(folder, { recursive: true });
  });
  return bundled;
}
