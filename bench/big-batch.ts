import { cp, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApi } from './api.ts';
import { type InputSize, writeRequests, writeResults } from './inputs.ts';
import {
  isWithin,
  type Measured,
  median,
  medianMs,
  type Row,
  ratio,
  reached,
  runReference,
  shown,
  time,
  times,
} from './measure.ts';
import { follow, type Product, startProduct, untilSent, untilThere } from './product.ts';

async function withPeak(product: Product, work: () => Promise<number>): Promise<Measured> {
  const ms = await work();
  return { ms, megabytes: product.peakMegabytes() };
}

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
    plainly.push(await runReference(folder, 'create', requests, apiUrl));
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
        return ms + (await untilSent(sender, batchId));
      }),
    );
    await sender.close();
  }
  return { batchId, longestMs, sent: sent.slice(UNCOUNTED), plainly: plainly.slice(UNCOUNTED) };
}

const BETWEEN_PINGS_MS = 10;

/** The longest that a message waited for its answer while `work` went on. */
async function longestPing(product: Product, work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let ended = false;
  void Promise.allSettled([work]).then(() => {
    ended = true;
  });
  while (!ended) {
    longest = Math.max(longest, await product.ping());
    await sleep(BETWEEN_PINGS_MS);
  }
  return longest;
}

/** Brings the batch's results home, each time into a data folder as it was after sending, and writes them to a file. */
async function measureSaving({ folder, apiUrl }: Setting, batchId: string, repeats: number) {
  const saved: Measured[] = [];
  const fetched: Measured[] = [];
  const written: number[] = [];
  const heldUp: number[] = [];
  let longestMs = 0;
  let statusLength = 0;
  const data = path.join(folder, 'data');
  const kept = path.join(folder, 'kept');
  const copy = path.join(folder, 'copy.jsonl');
  const output = path.join(folder, 'work', 'answers.jsonl');
  await rename(data, kept);
  for (let i = 0; i < repeats + UNCOUNTED; i += 1) {
    await cp(kept, data, { recursive: true });
    fetched.push(await runReference(folder, 'fetch', `${apiUrl}/v1/messages/batches/any/results`, copy));
    await rm(copy, { force: true });
    const collector = await startProduct({ folder, apiUrl });
    saved.push(
      await withPeak(collector, async () => {
        const saving = follow(collector, batchId, ({ results_state }) => results_state === 'saved');
        heldUp.push(await longestPing(collector, saving));
        return saving;
      }),
    );
    const { text } = await collector.call('batch_status', { batch_id: batchId });
    statusLength = Math.max(statusLength, text.length);
    const { ms } = await collector.call('get_results', { batch_id: batchId, output_file: output });
    written.push(ms + (await untilThere(output)));
    longestMs = Math.max(longestMs, collector.longestMs());
    await collector.close();
    await rm(output);
    await rm(data, { recursive: true, force: true });
  }
  return {
    longestMs,
    statusLength,
    saved: saved.slice(UNCOUNTED),
    fetched: fetched.slice(UNCOUNTED),
    written: written.slice(UNCOUNTED),
    heldUp: heldUp.slice(UNCOUNTED),
  };
}

const megabytes = async (file: string) => `${Math.round((await stat(file)).size / 1e6)} MB`;

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
  const saving = await measureSaving(setting, sending.batchId, repeats);
  api.close();
  const { sent, plainly } = sending;
  const { saved, fetched, written, heldUp, statusLength } = saving;
  const longestMs = Math.max(sending.longestMs, saving.longestMs);
  const speed = medianMs(fetched) / medianMs(saved);
  const cost = medianMs(sent) / medianMs(plainly);
  const writing = median(written) / medianMs(saved);
  return [
    {
      what: `results of ${count} requests (${await megabytes(results)}), parsed, checked, indexed, on disk`,
      reference: `\`fetch\` to a file, synced: ${shown(fetched)}`,
      measured: `${shown(saved)} (${ratio(speed)} its speed); other calls held up ${times(heldUp)}`,
      bar: 'at least 0.6 × its speed, at most 160 MB, no other call held up over 50 ms',
      met: speed >= 0.6 && isWithin(saved, 160) && median(heldUp) <= 50,
      stretch: reached('0.8 ×', speed >= 0.8),
    },
    {
      what: `${count} requests (${await megabytes(requests)}) from a file to the API's answer`,
      reference: `read, and the SDK's \`batches.create\`: ${shown(plainly)}`,
      measured: `${shown(sent)} (${ratio(cost)} its time)`,
      bar: 'at most 0.8 × its time, at most 280 MB',
      met: cost <= 0.8 && isWithin(sent, 280),
      stretch: reached('0.6 ×, 200 MB', cost <= 0.6 && isWithin(sent, 200)),
    },
    {
      what: `\`output_file\` of ${count} answers`,
      reference: 'saving the results, as above',
      measured: `${times(written)} (${ratio(writing)} its time)`,
      bar: 'at most 2 × its time',
      met: writing <= 2,
      stretch: reached('1 ×', writing <= 1),
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
