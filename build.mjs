/**
 * Bundles the two programs over what tsc has compiled for the library: a start loads two files instead of four hundred,
 * and what is imported at the first need (the SDK, the sandbox, parsers) stays in files of its own.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { build } from 'esbuild';

const outdir = 'dist';
const OLD_MS = 60 * 60 * 1000;

const options = {
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minify: true,
  // All in one folder, for the version is read from the manifest above it.
  chunkNames: 'chunk-[hash]',
  // Packages of the old kind look for a `require`, which a module does not have.
  banner: {
    js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
  },
};
await build({ ...options, entryPoints: ['src/server.ts', 'src/cli.ts'] });
// Each thread's module for itself: shared with the programs, it would split these into more files to start from.
for (const thread of ['src/answers/scan-thread.ts', 'src/tasks/examine-thread.ts']) {
  await build({ ...options, entryPoints: { [thread.replace(/^.*\/|\.ts$/g, '')]: thread } });
}

// Chunks of earlier builds. Not the latest ones: a server that runs from them may not have loaded all.
for (const name of await readdir(outdir)) {
  if (!/^chunk-.*\.js$/.test(name)) continue;
  if (Date.now() - (await stat(`${outdir}/${name}`)).mtimeMs > OLD_MS) await rm(`${outdir}/${name}`);
}
