/**
 * Bundles the programs, the library and their thread with all that they use of packages, so that nothing is installed
 * beside this one, and a start loads a dozen files instead of four hundred. What is imported at the first need (the
 * operations, the SDK, the sandbox, parsers, the tokenizer) stays in files of its own, each there once for all entries.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { noticeOf } from './build/notice.mjs';
import { rollUpTypes } from './build/roll-up-types.mjs';

const outdir = 'dist';
/** Where tsc has put its declarations (tsconfig.build.json). */
const declarations = path.resolve(outdir, '.types');
const OLD_MS = 60 * 60 * 1000;

const entryPoints = {
  server: 'src/server.ts',
  cli: 'src/cli.ts',
  index: 'src/index.ts',
  'examine-thread': 'src/tasks/examine/examine-thread.ts',
};

const options = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  // Packages of the old kind look for a `require`, which a module does not have.
  banner: {
    js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);",
  },
};

/** A module of what clients are told of the tools, as the sources say it. A read-only server's differ in their hints alone. */
async function advertisedModule() {
  const outfile = path.resolve(outdir, '.advertised.mjs');
  await build({ ...options, entryPoints: ['src/tools/advertised.ts'], outfile });
  const { advertised } = await import(pathToFileURL(outfile));
  await rm(outfile);
  const { all, instructions, readOnly } = advertised;
  const hints = readOnly.map(({ name, annotations }) => ({ name, annotations }));
  return `
    const { all, instructions, hints } = JSON.parse(${JSON.stringify(JSON.stringify({ all, instructions, hints }))});
    const readOnly = hints.map((own) => ({ ...all.find(({ name }) => name === own.name), ...own }));
    export const advertised = { all, instructions, readOnly };
  `;
}

async function ownVersion() {
  return JSON.parse(await readFile('package.json', 'utf8')).version;
}

/** Loads a module, whose path ends so, as this text. */
const replace = (ending, contents) => ({
  name: `replace ${ending}`,
  setup({ onLoad }) {
    onLoad({ filter: new RegExp(`${ending.replaceAll('.', '\\.')}$`) }, () => ({ contents }));
  },
});

const plugins = async () => [
  // A program that has the library bundled into it has no manifest of ours above it.
  replace('src/version.ts', `export const version = ${JSON.stringify(await ownVersion())};`),
  // What clients are told, instead of all that it is made from.
  replace('src/tools/advertised.ts', await advertisedModule()),
  // The SDK's server makes a validator at every start, for what a client answers when it is asked something. Nothing is.
  replace(
    'sdk/dist/esm/validation/ajv-provider.js',
    'export class AjvJsonSchemaValidator { getValidator() { throw new Error("there is no validator in this bundle"); } }',
  ),
];

/** The files that the entries can reach, by name. What only code that was left out imports is made too, 2 MB of it. */
function reachedFrom(entries, outputs) {
  const reached = new Set();
  const reach = (name) => {
    if (reached.has(name) || !outputs[name]) return;
    reached.add(name);
    for (const { path: imported } of outputs[name].imports) reach(imported);
  };
  for (const [name, { entryPoint }] of Object.entries(outputs)) {
    if (entries.includes(entryPoint)) reach(name);
  }
  return reached;
}

/** Writes the bundles and gives the source files that are in them. */
async function bundle() {
  const { metafile, outputFiles } = await build({
    ...options,
    entryPoints,
    outdir,
    splitting: true,
    minify: true,
    // Node prints the line that threw before an error that nobody catches: a whole bundle, without this.
    lineLimit: 200,
    // All in one folder, for a thread's file is looked for beside the module that starts it.
    chunkNames: 'chunk-[hash]',
    plugins: await plugins(),
    metafile: true,
    write: false,
  });
  const reached = reachedFrom(Object.values(entryPoints), metafile.outputs);
  for (const file of outputFiles) {
    const name = path.relative('.', file.path).replaceAll(path.sep, '/');
    if (reached.has(name)) await writeFile(file.path, file.contents);
  }
  return [...reached].flatMap((name) =>
    Object.entries(metafile.outputs[name].inputs).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [file] : [],
    ),
  );
}

async function writeTypes() {
  const configFile = path.join(declarations, 'tsconfig.json');
  const compilerOptions = {
    module: 'NodeNext',
    lib: ['ES2023'],
    types: ['node'],
    skipLibCheck: true,
    noEmit: true,
  };
  await writeFile(configFile, JSON.stringify({ compilerOptions, files: ['index.d.ts'] }));
  const types = rollUpTypes(configFile, path.join(declarations, 'index.d.ts'));
  await writeFile(`${outdir}/index.d.ts`, types);
}

/** What earlier builds left. Not their latest chunks: a server that runs from them may not have loaded all. */
async function removeLeftovers() {
  const kept = new Set([...Object.keys(entryPoints).map((name) => `${name}.js`), 'index.d.ts', 'NOTICE.txt']);
  for (const name of await readdir(outdir)) {
    const isYoung = Date.now() - (await stat(`${outdir}/${name}`)).mtimeMs < OLD_MS;
    if (kept.has(name) || (/^chunk-.*\.js$/.test(name) && isYoung)) continue;
    await rm(`${outdir}/${name}`, { recursive: true, force: true });
  }
}

await mkdir(outdir, { recursive: true });
await writeFile(`${outdir}/NOTICE.txt`, await noticeOf(await bundle()));
await writeTypes();
await removeLeftovers();
