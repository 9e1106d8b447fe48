import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { startApi } from './api.ts';
import { textsOf } from './inputs.ts';
import { isWithin, type Measured, medianMs, type Row, ratio, shown } from './measure.ts';
import { startProduct, untilSent } from './product.ts';

const PROMPT = 'Sort this: ';
const MOST_BYTES = 2000;

type Source = { name: string; input: string; args: Record<string, unknown> };

/** The same tasks as lines of requests, as rows of a table and, where there are few enough, as files. */
async function writeSources(work: string, count: number, filesCount: number): Promise<Source[]> {
  const texts = textsOf(MOST_BYTES);
  const text = (index: number) => `${index}: ${texts[index % texts.length] ?? ''}`;
  const shared = { model_tier: 'cheap', max_tokens: 512 };
  await writeLines(path.join(work, 'tasks.jsonl'), count, (index) =>
    JSON.stringify({ task_id: `row_${index + 1}`, prompt: PROMPT + text(index) }),
  );
  await writeLines(path.join(work, 'rows.csv'), count, (index) =>
    index === 0 ? `text\n${quoted(text(0))}` : quoted(text(index)),
  );
  await mkdir(path.join(work, 'files'), { recursive: true });
  for (let index = 0; index < filesCount; index += 1) {
    await writeFile(path.join(work, 'files', `f${index}.txt`), text(index));
  }
  await writeLines(path.join(work, 'few.jsonl'), filesCount, (index) =>
    JSON.stringify({ task_id: `files/f${index}.txt`, prompt: PROMPT + text(index) }),
  );
  const filled = { ...shared, prompt: `${PROMPT}{{text}}` };
  return [
    { name: `${count} tasks`, input: 'tasks.jsonl', args: { ...shared, requests_file: 'tasks.jsonl' } },
    { name: `${count} rows`, input: 'rows.csv', args: { ...filled, rows_file: 'rows.csv' } },
    { name: `${filesCount} tasks`, input: 'few.jsonl', args: { ...shared, requests_file: 'few.jsonl' } },
    { name: `${filesCount} files`, input: 'files', args: { ...filled, input_files: ['files/*.txt'] } },
  ];
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

async function writeLines(file: string, count: number, line: (index: number) => string): Promise<void> {
  const stream = createWriteStream(file);
  for (let index = 0; index < count; index += 1) {
    if (!stream.write(`${line(index)}\n`))
      await new Promise<void>((resolve) => stream.once('drain', () => resolve()));
  }
  stream.end();
  await finished(stream);
}

/** Brings a file, or those of a folder, into memory: what the disk takes for many is not what is measured. */
async function readThrough(file: string): Promise<void> {
  const files = (await stat(file)).isFile()
    ? [file]
    : (await readdir(file)).map((name) => path.join(file, name));
  for (const each of files) await readFile(each);
}

/** How long the work takes from the call to the API's answer, each time as new work. */
async function send(folder: string, apiUrl: string, { input, args }: Source): Promise<Measured> {
  await readThrough(path.join(folder, 'work', input));
  await rm(path.join(folder, 'data'), { recursive: true, force: true });
  const product = await startProduct({ folder, apiUrl });
  const { reply, ms } = await product.call('submit_batch', args);
  const isSent = reply.processing_status === 'in_progress';
  const rest = isSent ? 0 : await untilSent(product, String(reply.batch_id));
  const megabytes = product.peakMegabytes();
  await product.close();
  return { ms: ms + rest, megabytes };
}

/** Tables and files, each beside a file of the same tasks, in turns. */
export async function measureSources(
  folder: string,
  { rows, files }: { rows: number; files: number },
  repeats: number,
): Promise<Row[]> {
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const sources = await writeSources(work, rows, files);
  const results = path.join(folder, 'results.jsonl');
  await writeFile(results, '');
  const api = await startApi({ parts: [rows, files].map((count) => ({ count, results })), endless: true });
  const taken = new Map<string, Measured[]>(sources.map(({ name }) => [name, []]));
  for (let run = 0; run <= repeats; run += 1) {
    for (const source of sources) {
      const measured = await send(folder, api.url, source);
      // The first finds memory and disk in another state than those after it.
      if (run > 0) taken.get(source.name)?.push(measured);
    }
  }
  api.close();
  const row = (source: string, reference: string): Row => {
    const [measured, plain] = [taken.get(source) ?? [], taken.get(reference) ?? []];
    const cost = medianMs(measured) / medianMs(plain);
    return {
      what: `${source} to the API's answer`,
      reference: `\`requests_file\` of the same: ${shown(plain)}`,
      measured: `${shown(measured)} (${ratio(cost)} its time)`,
      bar: 'at most 1.3 × its time, at most 280 MB',
      met: cost <= 1.3 && isWithin(measured, 280),
      stretch: '',
    };
  };
  return [row(`${rows} rows`, `${rows} tasks`), row(`${files} files`, `${files} tasks`)];
}
