/**
 * Bundles the two programs over what tsc has compiled for the library: a start loads three files instead of four
 * hundred, and what is imported at the first need (the operations, the SDK, the sandbox, parsers) stays in files of its
 * own.
 */
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { advertised } from './dist/tools/advertised.js';

const outdir = 'dist';
const OLD_MS = 60 * 60 * 1000;

/** Loads a module, whose path ends so, as this text. */
const replace = (ending, contents) => ({
  name: `replace ${ending}`,
  setup({ onLoad }) {
    onLoad({ filter: new RegExp(`${ending.replaceAll('.', '\\.')}$`) }, () => ({ contents }));
  },
});

const plugins = [
  // What clients are told, instead of all that it is made from.
  replace(
    'src/tools/advertised.ts',
    `export const advertised = JSON.parse(${JSON.stringify(JSON.stringify(advertised))})`,
  ),
  // The SDK's server makes a validator at every start, for what a client answers when it is asked something. Nothing is.
  replace(
    'sdk/dist/esm/validation/ajv-provider.js',
    'export class AjvJsonSchemaValidator { getValidator() { throw new Error("there is no validator in this bundle"); } }',
  ),
];

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
  plugins,
  metafile: true,
  write: false,
};

/** Writes what the entries can reach. What only code that was left out imports is there too, up to 2 MB of it. */
async function bundle(entryPoints) {
  const { metafile, outputFiles } = await build({ ...options, entryPoints });
  const reached = new Set();
  const reach = (name) => {
    if (reached.has(name) || !metafile.outputs[name]) return;
    reached.add(name);
    for (const { path: imported } of metafile.outputs[name].imports) reach(imported);
  };
  const entries = new Set(Object.values(entryPoints));
  for (const [name, { entryPoint }] of Object.entries(metafile.outputs))
    if (entries.has(entryPoint)) reach(name);
  for (const file of outputFiles) {
    if (reached.has(path.relative('.', file.path).replaceAll(path.sep, '/')))
      await writeFile(file.path, file.contents);
  }
}

await bundle({ server: 'src/server.ts', cli: 'src/cli.ts' });
// The thread's module for itself: shared with the programs, it would split these into more files to start from.
await bundle({ 'examine-thread': 'src/tasks/examine-thread.ts' });

// What earlier builds left. Not their latest chunks: a server that runs from them may not have loaded all.
await rm(`${outdir}/compile-cache`, { recursive: true, force: true });
for (const name of await readdir(outdir)) {
  if (!/^chunk-.*\.js$/.test(name)) continue;
  if (Date.now() - (await stat(`${outdir}/${name}`)).mtimeMs > OLD_MS) await rm(`${outdir}/${name}`);
}
