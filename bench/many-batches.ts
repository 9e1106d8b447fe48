import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApi } from './api.ts';
import { writeRequests, writeResults } from './inputs.ts';
import { median, type Row, ratio, time } from './measure.ts';
import { follow, startProduct } from './product.ts';

const REQUESTS = 3;
const LOOK_UPS = 40;
/** What changed a moment ago is read anew each time; ten thousand batches did not all. */
const REST_MS = 4_000;

/** A data folder with one batch made by the product, and copies of it under other ids. */
async function makeMany(folder: string, count: number): Promise<string[]> {
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const results = path.join(folder, 'few.jsonl');
  await writeResults(results, { count: REQUESTS, bytesEach: 500 });
  await writeRequests(path.join(work, 'few.jsonl'), { count: REQUESTS, bytesEach: 200 });
  const api = await startApi({ parts: [{ count: REQUESTS, results }] });
  const product = await startProduct({ folder, apiUrl: api.url });
  const { reply } = await product.call('submit_batch', { requests_file: 'few.jsonl' });
  const made = String(reply.batch_id);
  await follow(product, made, (seen) => seen.results_state === 'saved');
  await product.close();
  api.close();

  const batches = path.join(folder, 'data', 'batches');
  const claims = path.join(folder, 'data', 'claims');
  const [claimed = ''] = await readdir(claims);
  const originals = {
    record: await readTree(path.join(batches, made, 'record')),
    claim: await readTree(path.join(claims, claimed)),
  };
  const ids = [claimed];
  for (let i = 1; i < count; i += 1) {
    const id = `${made.slice(0, -5)}${String(i).padStart(5, '0')}`;
    if (id === made) continue;
    const providerId = `msgbatch_copy${String(i).padStart(20, '0')}`;
    const copied = (text: string) =>
      text
        .replaceAll(made, id)
        .replaceAll(claimed, providerId)
        .replace('"name":"', `"name":"${i % 7 === 0 ? 'invoices ' : ''}`);
    await writeTree(path.join(batches, id, 'record'), originals.record, copied);
    await writeTree(path.join(claims, providerId), originals.claim, copied);
    if (i % 500 !== 0) continue;
    // Looked up below, so these have all that a batch has.
    await cp(path.join(batches, made), path.join(batches, id), { recursive: true, force: false });
    ids.push(providerId);
  }
  return ids;
}

type SmallFile = { name: string; text: string };

async function readTree(folder: string): Promise<SmallFile[]> {
  const names = await readdir(folder);
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(path.join(folder, name), 'utf8') })),
  );
}

async function writeTree(
  folder: string,
  files: SmallFile[],
  change: (text: string) => string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { name, text } of files) await writeFile(path.join(folder, name), change(text));
}

type Found = { firstList: number; list: number; lookUp: number };

async function measureOne(folder: string, count: number, repeats: number): Promise<Found> {
  const ids = await makeMany(folder, count);
  await sleep(REST_MS);
  const lists: number[] = [];
  const firstLists: number[] = [];
  const lookUps: number[] = [];
  for (let i = 0; i < repeats; i += 1) {
    const product = await startProduct({ folder, apiUrl: 'http://127.0.0.1:9' });
    try {
      for (let again = 0; again < repeats; again += 1) {
        const { ms } = await product.call('list_batches', { name_contains: 'invoices' });
        (again === 0 ? firstLists : lists).push(ms);
      }
      for (let again = 0; again < LOOK_UPS; again += 1) {
        const batch_id = ids[again % ids.length];
        lookUps.push((await product.call('batch_status', { batch_id })).ms);
      }
    } finally {
      await product.close();
    }
  }
  return { firstList: median(firstLists), list: median(lists), lookUp: median(lookUps) };
}

/** The look-up of a provider's id, and a filtered list, in a folder of many batches and in one of few. */
export async function measureManyBatches(folder: string, many: number, repeats: number): Promise<Row[]> {
  const few = await measureOne(path.join(folder, 'few'), 10, repeats);
  const full = await measureOne(path.join(folder, 'many'), many, repeats);
  const times = full.lookUp / few.lookUp;
  const listed = Math.max(full.list, full.firstList);
  return [
    {
      what: `\`msgbatch_…\` looked up among ${many} batches`,
      reference: `among 10: ${time(few.lookUp)}`,
      measured: `${time(full.lookUp)} (${ratio(times)})`,
      bar: 'at most 1.5 ×',
      met: times <= 1.5,
      stretch: '',
    },
    {
      what: `a filtered \`list_batches\` among ${many} batches, the first of a process and later ones`,
      reference: `among 10: ${time(few.firstList)}, ${time(few.list)}`,
      measured: `${time(full.firstList)}, ${time(full.list)}`,
      bar: 'under 300 ms',
      met: listed < 300,
      stretch: '',
    },
  ];
}
