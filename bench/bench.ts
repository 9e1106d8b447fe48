/**
 * Measures what the design promises about speed and memory, each figure beside its reference in the same run, and
 * writes the table to results.md. `--quick` takes a tenth of the size and fewer runs; a word picks one group of rows.
 * `BENCH_SERVER` names another build's server.js, so that two builds can be measured in turns.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { measureBigBatch } from './big-batch.ts';
import { measureInstall } from './install.ts';
import { measureManyBatches } from './many-batches.ts';
import type { Row } from './measure.ts';
import { measurePages } from './pages.ts';
import { measureSmallBatch } from './small-batch.ts';
import { measureSources } from './sources.ts';
import { measureStart } from './start.ts';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const repeats = quick ? 3 : 7;
const scale = quick ? 0.1 : 1;

const groups = {
  install: (folder) => measureInstall(folder, repeats),
  start: (folder) => measureStart(folder, repeats),
  big: (folder) => measureBigBatch(folder, 100_000 * scale, repeats),
  sources: (folder) => measureSources(folder, { rows: 100_000 * scale, files: 10_000 * scale }, repeats),
  pages: (folder) => measurePages(folder, { small: 1_000, large: 100_000 * scale, huge: 500_000 * scale }),
  small: (folder) => measureSmallBatch(folder, repeats),
  many: (folder) => measureManyBatches(folder, 10_000 * scale, repeats),
} satisfies Record<string, (folder: string) => Promise<Row[]>>;

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) =>
    [row.what, row.reference, row.measured, row.bar, row.met ? 'yes' : '**no**', row.stretch].join(' | '),
  );
  return ['what | reference | measured | bar | met | stretch', '--- | --- | --- | --- | --- | ---', ...lines]
    .map((line) => `| ${line} |`)
    .join('\n');
}

function surroundings(): string {
  const processor = os.cpus()[0]?.model ?? 'unknown processor';
  const gigabytes = Math.round(os.totalmem() / 1e9);
  const date = new Date().toISOString().slice(0, 10);
  return (
    `${date}, Node ${process.versions.node} (V8 ${process.versions.v8}) on ${os.type()} ${os.arch()}, ` +
    `${os.cpus().length} cores (${processor}), ${gigabytes} GB. Medians and ranges of ${repeats} runs at least, ` +
    `reference and product in turns and in the same environment; memory is each process's peak.${quick ? ' At a tenth of the size.' : ''}`
  );
}

const wanted = Object.entries(groups).filter(
  ([name]) => !Object.keys(groups).some((each) => args.includes(each)) || args.includes(name),
);
const rows: Row[] = [];
for (const [name, measure] of wanted) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-bench-'));
  process.stderr.write(`${name} …\n`);
  try {
    rows.push(...(await measure(folder)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
const text = `${surroundings()}\n\n${table(rows)}\n`;
process.stdout.write(text);
const complete = wanted.length === Object.keys(groups).length;
if (complete && !quick)
  await writeFile(path.join(import.meta.dirname, 'results.md'), `# Measured\n\n${text}`);
