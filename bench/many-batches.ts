import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unsummed } from '../test/store/unsummed.ts';
import { startApi } from './api.ts';
import { requestOf, writeRequests, writeResults } from './inputs.ts';
import { median, type Row, ratio, times } from './measure.ts';
import { follow, startProduct } from './product.ts';

const REQUESTS = 3;
const FEW = 10;
const LISTS = 6;
const LOOK_UPS = 40;
const SUBMISSIONS = 6;
/** What changed a moment ago is read anew each time; ten thousand batches did not all. */
const REST_MS = 4_000;

/** Batches that have all that a batch has. */
type Ids = { batchId: string; providerId: string }[];

/** A data folder with one batch made by the product, and copies of it under other ids. */
async function makeMany(folder: string, count: number): Promise<Ids> {
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
  const ids = [{ batchId: made, providerId: claimed }];
  for (let i = 1; i < count; i += 1) {
    const id = `${made.slice(0, -5)}${String(i).padStart(5, '0')}`;
    if (id === made) continue;
    const providerId = `msgbatch_copy${String(i).padStart(20, '0')}`;
    const copied = (text: string) =>
      unsummed(text)
        .replaceAll(made, id)
        .replaceAll(claimed, providerId)
        .replace('"name":"', `"name":"${i % 7 === 0 ? 'invoices ' : ''}`);
    await writeTree(path.join(batches, id, 'record'), originals.record, copied);
    await writeTree(path.join(claims, providerId), originals.claim, copied);
    if (i % 500 !== 0) continue;
    // Looked up below, so these have all that a batch has.
    await cp(path.join(batches, made), path.join(batches, id), { recursive: true, force: false });
    ids.push({ batchId: id, providerId });
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

type Found = { firstList: number[]; list: number[]; lookUp: number[]; status: number[]; submit: number[] };

/** Every process that is started finds the folder as it is, and does each thing some times. */
async function measureOne(folder: string, ids: Ids, apiUrl: string, found: Found): Promise<void> {
  const product = await startProduct({ folder, apiUrl });
  try {
    for (let again = 0; again < LISTS; again += 1) {
      const { ms } = await product.call('list_batches', { name_contains: 'invoices' });
      (again === 0 ? found.firstList : found.list).push(ms);
    }
    for (let again = 0; again < LOOK_UPS; again += 1) {
      const { batchId, providerId } = ids[again % ids.length] ?? { batchId: '', providerId: '' };
      found.lookUp.push((await product.call('batch_status', { batch_id: providerId })).ms);
      found.status.push((await product.call('batch_status', { batch_id: batchId })).ms);
    }
    for (let again = 0; again < SUBMISSIONS; again += 1) {
      const requests = [requestOf(0, `How is order ${randomUUID()}?`)];
      const { ms } = await product.call('submit_batch', { requests });
      // The first of a process loads what the later ones have.
      if (again > 0) found.submit.push(ms);
    }
  } finally {
    await product.close();
  }
}

/** What people do all day, in a folder of many batches and in one of few. */
export async function measureManyBatches(folder: string, many: number, repeats: number): Promise<Row[]> {
  const folders = { few: path.join(folder, 'few'), many: path.join(folder, 'many') };
  const ids = { few: await makeMany(folders.few, FEW), many: await makeMany(folders.many, many) };
  await sleep(REST_MS);
  const nothing = (): Found => ({ firstList: [], list: [], lookUp: [], status: [], submit: [] });
  const few = nothing();
  const full = nothing();
  const results = path.join(folder, 'one.jsonl');
  await writeResults(results, { count: 1, bytesEach: 500 });
  const api = await startApi({ parts: [{ count: 1, results }], endless: true });
  for (let i = 0; i < repeats; i += 1) {
    await measureOne(folders.few, ids.few, api.url, few);
    await measureOne(folders.many, ids.many, api.url, full);
  }
  api.close();
  const flat = (what: string, key: 'lookUp' | 'status' | 'submit'): Row => {
    const slower = median(full[key]) / median(few[key]);
    return {
      what: `${what} among ${many} batches`,
      reference: `among ${FEW}: ${times(few[key])}`,
      measured: `${times(full[key])} (${ratio(slower)})`,
      bar: 'at most 1.5 ×',
      met: slower <= 1.5,
      stretch: '',
    };
  };
  const listed = (what: string, key: 'firstList' | 'list', most: number): Row => ({
    what: `a filtered \`list_batches\` among ${many} batches, ${what}`,
    reference: `among ${FEW}: ${times(few[key])}`,
    measured: times(full[key]),
    bar: `under ${most} ms`,
    met: median(full[key]) < most,
    stretch: '',
  });
  return [
    flat('`msgbatch_…` looked up', 'lookUp'),
    flat('`batch_status` of a batch that has ended', 'status'),
    flat('`submit_batch` of one request', 'submit'),
    listed('the first of a process', 'firstList', 300),
    listed('later ones', 'list', 100),
  ];
}
