import { rm, stat } from 'node:fs/promises';
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

/** A batch of that many requests sent from a file, and its results brought home, beside the plain way. */
export async function measureBigBatch(folder: string, count: number, repeats: number): Promise<Row[]> {
  const requests = path.join(folder, 'work', 'requests.jsonl');
  const results = path.join(folder, 'results.jsonl');
  const copy = path.join(folder, 'copy.jsonl');
  const sizes = {
    requests: { count, bytesEach: 2000 },
    results: { count, bytesEach: 3000 },
  } satisfies Record<string, InputSize>;
  await (await startProduct({ folder, apiUrl: 'http://127.0.0.1:9' })).close();
  await writeRequests(requests, sizes.requests);
  await writeResults(results, sizes.results, true);
  const api = await startApi({ parts: [{ count, results }] });
  const sent: Measured[] = [];
  const sentPlainly: Measured[] = [];
  const saved: Measured[] = [];
  const fetched: Measured[] = [];
  let longestMs = 0;
  let statusLength = 0;
  try {
    for (let i = 0; i < repeats; i += 1) {
      sentPlainly.push(await runReference('create', requests, api.url));
      const sender = await startProduct({ folder, apiUrl: api.url });
      let batchId = '';
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
      fetched.push(await runReference('fetch', `${api.url}/v1/messages/batches/any/results`, copy));
      // Else the disk would still be at work on it while the product is measured.
      await rm(copy, { force: true });
      const collector = await startProduct({ folder, apiUrl: api.url });
      saved.push(
        await withPeak(collector, async () => {
          const ms = await follow(collector, batchId, ({ results_state }) => results_state === 'saved');
          const { text } = await collector.call('batch_status', { batch_id: batchId });
          statusLength = Math.max(statusLength, text.length);
          longestMs = Math.max(longestMs, collector.longestMs());
          return ms;
        }),
      );
      await rm(path.join(folder, 'data'), { recursive: true, force: true });
    }
  } finally {
    api.close();
  }
  const megabytes = async (file: string) => `${Math.round((await stat(file)).size / 1e6)} MB`;
  const [sending, plainly, saving, fetching] = [sent, sentPlainly, saved, fetched].map(medians);
  if (!sending || !plainly || !saving || !fetching) throw new Error('nothing was measured');
  const speed = fetching.ms / saving.ms;
  const cost = sending.ms / plainly.ms;
  const within = (measured: Measured, limit: number) => (measured.megabytes ?? 0) <= limit;
  return [
    {
      what: `results of ${count} requests (${await megabytes(results)}), parsed, checked, indexed, on disk`,
      reference: `\`fetch\` to a file: ${shown(fetching)}`,
      measured: `${shown(saving)} (${ratio(speed)} its speed)`,
      bar: 'at least 0.5 × its speed, at most 160 MB',
      met: speed >= 0.5 && within(saving, 160),
      stretch: `0.7 ×: ${speed >= 0.7 ? 'met' : 'not met'}`,
    },
    {
      what: `${count} requests (${await megabytes(requests)}) from a file to the API's answer`,
      reference: `read, and the SDK's \`batches.create\`: ${shown(plainly)}`,
      measured: `${shown(sending)} (${ratio(cost)} its time)`,
      bar: 'at most 0.7 × its time, at most 350 MB',
      met: cost <= 0.7 && within(sending, 350),
      stretch: `0.5 ×, ${memory(200)}: ${cost <= 0.5 && within(sending, 200) ? 'met' : 'not met'}`,
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
