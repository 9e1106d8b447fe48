import { cp, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { startApi } from './api.ts';
import { type InputSize, writeRequests, writeResults } from './inputs.ts';
import { type Measured, medians, memory, type Row, ratio, runReference, shown, time } from './measure.ts';
import { follow, type Product, startProduct } from './product.ts';

async function withPeak(product: Product, work: () => Promise<number>): Promise<Measured> {
  try {
    const ms = await work();
    return { ms, megabytes: product.peakMegabytes() };
  } finally {
    await product.close();
  }
}

/** Saving and its reference wait for the disk, so single runs differ most: of so many times as many the median is taken. */
const SAVING_REPEATS = 2;

/** What is measured first finds memory and disk in another state than what follows, so it is not counted. */
const UNCOUNTED = 1;

type Setting = { folder: string; apiUrl: string; requests: string };

/** Sends the file's requests, each time as new work; the last batch stays. */
async function measureSending({ folder, apiUrl, requests }: Setting, repeats: number) {
  const sent: Measured[] = [];
  const plainly: Measured[] = [];
  let longestMs = 0;
  let batchId = '';
  for (let i = 0; i < repeats + UNCOUNTED; i += 1) {
    await rm(path.join(folder, 'data'), { recursive: true, force: true });
    plainly.push(await runReference('create', requests, apiUrl));
    const sender = await startProduct({ folder, apiUrl });
    sent.push(
      await withPeak(sender, async () => {
        const { reply, ms } = await sender.call('submit_batch', {
          requests_file: requests,
          force_new: true,
        });
        batchId = String(reply.batch_id);
        longestMs = Math.max(longestMs, ms);
        if (reply.processing_status === 'in_progress') return ms;
        return ms + (await follow(sender, batchId, (seen) => seen.processing_status !== 'submitting'));
      }),
    );
  }
  return { batchId, longestMs, sent: counted(sent), plainly: counted(plainly) };
}

/** Brings the batch's results home, each time into a data folder as it was after sending. */
async function measureSaving({ folder, apiUrl }: Setting, batchId: string, repeats: number) {
  const saved: Measured[] = [];
  const fetched: Measured[] = [];
  let longestMs = 0;
  let statusLength = 0;
  const data = path.join(folder, 'data');
  const kept = path.join(folder, 'kept');
  const copy = path.join(folder, 'copy.jsonl');
  await rename(data, kept);
  for (let i = 0; i < repeats + UNCOUNTED; i += 1) {
    await cp(kept, data, { recursive: true });
    fetched.push(await runReference('fetch', `${apiUrl}/v1/messages/batches/any/results`, copy));
    await rm(copy, { force: true });
    const collector = await startProduct({ folder, apiUrl });
    saved.push(
      await withPeak(collector, async () => {
        const ms = await follow(collector, batchId, ({ results_state }) => results_state === 'saved');
        const { text } = await collector.call('batch_status', { batch_id: batchId });
        statusLength = Math.max(statusLength, text.length);
        longestMs = Math.max(longestMs, collector.longestMs());
        return ms;
      }),
    );
    await rm(data, { recursive: true, force: true });
  }
  return { longestMs, statusLength, saved: counted(saved), fetched: counted(fetched) };
}

const counted = (all: readonly Measured[]): Measured => medians(all.slice(UNCOUNTED));

/** A batch of that many requests sent from a file, and its results brought home, beside the plain way. */
export async function measureBigBatch(folder: string, count: number, repeats: number): Promise<Row[]> {
  const requests = path.join(folder, 'work', 'requests.jsonl');
  const results = path.join(folder, 'results.jsonl');
  const sizes = {
    requests: { count, bytesEach: 2000 },
    results: { count, bytesEach: 3000 },
  } satisfies Record<string, InputSize>;
  await (await startProduct({ folder, apiUrl: 'http://127.0.0.1:9' })).close();
  await writeRequests(requests, sizes.requests);
  await writeResults(results, sizes.results, true);
  const api = await startApi({ parts: [{ count, results }] });
  const setting: Setting = { folder, apiUrl: api.url, requests };
  const sending = await measureSending(setting, repeats);
  const saving = await measureSaving(setting, sending.batchId, repeats * SAVING_REPEATS);
  api.close();
  const megabytes = async (file: string) => `${Math.round((await stat(file)).size / 1e6)} MB`;
  const { sent, plainly } = sending;
  const { saved, fetched, statusLength } = saving;
  const longestMs = Math.max(sending.longestMs, saving.longestMs);
  const speed = fetched.ms / saved.ms;
  const cost = sent.ms / plainly.ms;
  const within = (measured: Measured, limit: number) => (measured.megabytes ?? 0) <= limit;
  return [
    {
      what: `results of ${count} requests (${await megabytes(results)}), parsed, checked, indexed, on disk`,
      reference: `\`fetch\` to a file: ${shown(fetched)}`,
      measured: `${shown(saved)} (${ratio(speed)} its speed)`,
      bar: 'at least 0.5 × its speed, at most 160 MB',
      met: speed >= 0.5 && within(saved, 160),
      stretch: `0.7 ×: ${speed >= 0.7 ? 'met' : 'not met'}`,
    },
    {
      what: `${count} requests (${await megabytes(requests)}) from a file to the API's answer`,
      reference: `read, and the SDK's \`batches.create\`: ${shown(plainly)}`,
      measured: `${shown(sent)} (${ratio(cost)} its time)`,
      bar: 'at most 0.7 × its time, at most 350 MB',
      met: cost <= 0.7 && within(sent, 350),
      stretch: `0.5 ×, ${memory(200)}: ${cost <= 0.5 && within(sent, 200) ? 'met' : 'not met'}`,
    },
    {
      what: 'the longest call of all this, and the longest status reply',
      reference: '',
      measured: `${time(longestMs)}; ${statusLength} characters`,
      bar: 'at most 25 s; at most 1,500 characters',
      met: longestMs <= 25_000 && statusLength <= 1500,
      stretch: '',
    },
  ];
}
