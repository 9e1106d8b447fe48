import path from 'node:path';
import { startApi } from './api.ts';
import { writeRequests, writeResults } from './inputs.ts';
import { median, type Row, ratio, time } from './measure.ts';
import { follow, startProduct } from './product.ts';

const PAGES = 30;

/** Pages of 50 out of a large and a small batch, each by the cursor of the one before; the first not counted. */
export async function measurePages(folder: string, sizes: { large: number; small: number }): Promise<Row[]> {
  await (await startProduct({ folder, apiUrl: 'http://127.0.0.1:9' })).close();
  const counts = [sizes.large, sizes.small];
  const files = counts.map((count) => ({ count, results: path.join(folder, `results-${count}.jsonl`) }));
  for (const { count, results } of files) await writeResults(results, { count, bytesEach: 550 });
  const api = await startApi({ parts: files });
  const product = await startProduct({ folder, apiUrl: api.url });
  try {
    const found: { first: number; next: number }[] = [];
    for (const { count } of files) {
      const requests = path.join(folder, 'work', `requests-${count}.jsonl`);
      await writeRequests(requests, { count, bytesEach: 200 });
      const { reply } = await product.call('submit_batch', { requests_file: requests });
      const batch_id = String(reply.batch_id);
      await follow(product, batch_id, (seen) => seen.results_state === 'saved');
      const times: number[] = [];
      let cursor: unknown;
      while (times.length < Math.min(PAGES, count / 50 - 1)) {
        const page = await product.call('get_results', {
          batch_id,
          detail: 'concise',
          limit: 50,
          ...(cursor ? { cursor } : {}),
        });
        cursor = page.reply.next_cursor;
        if (!Array.isArray(page.reply.results) || page.reply.results.length !== 50)
          throw new Error('no page of 50');
        times.push(page.ms);
      }
      found.push({ first: times[0] ?? 0, next: median(times.slice(1)) });
    }
    const [large, small] = found;
    if (!large || !small) throw new Error('nothing was measured');
    const times = large.next / small.next;
    return [
      {
        what: `a page of 50 out of ${sizes.large}`,
        reference: `out of ${sizes.small}: ${time(small.next)} (the first ${time(small.first)})`,
        measured: `${time(large.next)} (${ratio(times)}; the first ${time(large.first)})`,
        bar: 'at most 2 ×, under 20 ms',
        met: times <= 2 && large.next < 20,
        stretch: '',
      },
    ];
  } finally {
    await product.close();
    api.close();
  }
}
