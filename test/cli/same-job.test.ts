import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { follow, startApi } from '../api.ts';
import { type ApiRequest, type ApiServer, succeeded } from '../api-server.ts';
import { builtServer, settingsFor, spawnServer, temporaryFolder } from '../harness.ts';
import { long } from '../long.ts';
import { createDesk, run } from './run-binary.ts';

/** An answer of each kind: finished, cut off, never come. */
const answersTo = (requests: ApiRequest[]): object[] =>
  requests.map((request, index) => {
    if (index === 1) return succeeded(request, '{"label":"go', { stop_reason: 'max_tokens' });
    if (index === 2) return { custom_id: request.custom_id, result: { type: 'expired' } };
    return succeeded(request, '{"label":"good"}');
  });

const TABLE = 'id,review,right\r\n7,"Good, ""really""",good\r\n8,Bad,bad\r\n9,日本語,good\r\n10,=1+1,bad\r\n';

/** A table is judged: one file of answers is asked for with the work, and a file for each answer. */
const job = {
  rows_file: 'reviews.csv',
  id_column: 'id',
  prompt: 'Judge: {{review}}',
  labels: ['good', 'bad'],
  expect: { label: 'right' },
  model_tier: 'cheap',
  max_tokens: 300,
  name: 'reviews',
  output_file: 'with-the-work.csv',
  output_pattern: 'each/{{id}}.json',
};
const LATER = ['later.json', 'later.jsonl', 'later.csv', 'later.md'];

/** Where the job was done: its files in `work`, what the product keeps in `data`. */
type Done = { work: string; data: string };

async function workFolder(work: string): Promise<string> {
  await mkdir(work, { recursive: true });
  await writeFile(path.join(work, 'reviews.csv'), TABLE);
  return work;
}

async function byTerminal(api: ApiServer): Promise<Done> {
  const home = await createDesk(settingsFor(api));
  const desk = { ...home, folder: await workFolder(path.join(home.folder, 'work')) };
  const typed = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(desk, [...args, '--json']);
    expect([0, 4], stderr).toContain(code);
    return JSON.parse(stdout);
  };
  const options = Object.entries(job).flatMap(([name, value]) => [
    `--${name.replaceAll('_', '-')}`,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  const { batch_id } = await typed('submit', ...options);
  await typed('wait', batch_id);
  for (const file of LATER) await typed('results', batch_id, file);
  return { work: desk.folder, data: path.join(home.folder, 'data') };
}

async function byTool(api: ApiServer): Promise<Done> {
  const server = await spawnServer({ api });
  await workFolder(server.work);
  const { batch_id } = await server.ok('submit_batch', job);
  await follow(server, batch_id);
  for (const output_file of LATER) await server.ok('get_results', { batch_id, output_file });
  return server;
}

const PROGRAM = `
  import { createBatchClient } from ${JSON.stringify(path.join(path.dirname(builtServer), 'index.js'))};
  const client = await createBatchClient();
  const { batch_id } = await client.submit(${JSON.stringify(job)});
  await client.wait(batch_id);
  for (const output_file of ${JSON.stringify(LATER)}) await client.results(batch_id, { output_file });
  await client.close();
`;

async function byLibrary(api: ApiServer): Promise<Done> {
  const home = await temporaryFolder();
  const [work, data] = [await workFolder(path.join(home, 'work')), path.join(home, 'data')];
  const env = { PATH: process.env.PATH, HOME: home, BATCH_MCP_DATA_DIR: data, ...settingsFor(api) };
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd: work, env });
  return { work, data };
}

/** Every file of a folder, by its path in it. */
async function filesIn(folder: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const read = files.map(async ({ parentPath, name }): Promise<[string, Buffer]> => {
    const file = path.join(parentPath, name);
    return [path.relative(folder, file), await readFile(file)];
  });
  return Object.fromEntries((await Promise.all(read)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function writtenFiles({ work }: Done): Promise<Record<string, string>> {
  const files = Object.entries(await filesIn(work));
  return Object.fromEntries(files.map(([name, bytes]) => [name, bytes.toString('base64')]));
}

/** What no two batches share: ids, marks, times, processes, salted hashes, and where the folders are. */
const OWN: readonly [RegExp, string][] = [
  [/msgbatch_[0-9A-Za-z]+/g, 'msgbatch_…'],
  [/(batch_)?01[0-9A-HJKMNP-TV-Z]{24}/g, 'ULID'],
  [/_mark_[a-zA-Z0-9]{20}/g, '_mark_…'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/"(key_salt|key_hash|host|started|nonce)":"[^"]*"/g, '"$1":"…"'],
  [/"(pid|ms)":\d+/g, '"$1":0'],
  // Of results, in which the mark stands.
  [/"crc":\d+/g, '"crc":0'],
  [/"sum":"[0-9a-f]{8}"/g, '"sum":"…"'],
  [/"watermark":(null|"[^"]*")/g, '"watermark":"…"'],
];

/** What is on record of the batch: its last revision, and each of its blobs. */
async function onRecord({ work, data }: Done): Promise<Record<string, string>> {
  const [batch = '', ...others] = await readdir(path.join(data, 'batches'));
  expect(others).toEqual([]);
  const files = Object.entries(await filesIn(path.join(data, 'batches', batch)));
  const last = files.filter(([name]) => name.startsWith('record')).at(-1);
  const kept = files.filter(([name]) => !name.startsWith('record'));
  return Object.fromEntries(
    [...kept, ['record', last?.[1] ?? Buffer.alloc(0)] as const].map(([name, bytes]) => [
      name,
      OWN.reduce(
        (text, [own, same]) => text.replaceAll(own, same),
        bytes.toString('latin1').replaceAll(work, 'WORK'),
      ),
    ]),
  );
}

test(
  'a job by terminal, by tool and by library writes the same files, byte for byte, and leaves the same records',
  long,
  async () => {
    const api = await startApi({ endsAtOnce: true, results: answersTo });
    const [terminal, tool, library] = [await byTerminal(api), await byTool(api), await byLibrary(api)];
    const written = await writtenFiles(tool);
    expect(Object.keys(written).sort()).toEqual(
      ['each/10.json', 'each/7.json', ...LATER, 'reviews.csv', 'with-the-work.csv'].sort(),
    );
    expect(await writtenFiles(terminal)).toEqual(written);
    expect(await writtenFiles(library)).toEqual(written);
    const record = await onRecord(tool);
    expect(await onRecord(terminal)).toEqual(record);
    expect(await onRecord(library)).toEqual(record);
  },
);
