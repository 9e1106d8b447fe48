import path from 'node:path';
import { startApi } from './api.ts';
import { customId, writeRequests, writeResults } from './inputs.ts';
import { median, type Row, ratio, times } from './measure.ts';
import { follow, type Product, startProduct } from './product.ts';

const PAGES = 30;
const PAGE = 50;
/** As many requests as the API takes in one batch: of more the product makes several parts. */
const PART = 100_000;

type Sizes = {
  /** Of the batch whose pages are the reference. */
  small: number;
  large: number;
  /** Of a batch in several parts. */
  huge: number;
};

/** A batch that is read page by page, each by the cursor of the one before. */
type Pager = { count: number; batchId: string; cursor: unknown; ms: number[] };

async function submit(product: Product, folder: string, count: number): Promise<Pager> {
  const requests = path.join(folder, 'work', `requests-${count}.jsonl`);
  await writeRequests(requests, { count, bytesEach: 200 });
  const { reply } = await product.call('submit_batch', { requests_file: requests });
  const batchId = String(reply.batch_id);
  await follow(product, batchId, (seen) => seen.results_state === 'saved');
  return { count, batchId, cursor: undefined, ms: [] };
}

async function turn(product: Product, pager: Pager): Promise<void> {
  const page = await product.call('get_results', {
    batch_id: pager.batchId,
    detail: 'concise',
    limit: PAGE,
    ...(pager.cursor ? { cursor: pager.cursor } : {}),
  });
  if (!Array.isArray(page.reply.results) || page.reply.results.length !== PAGE)
    throw new Error(`no page of ${PAGE}`);
  pager.cursor = page.reply.next_cursor;
  pager.ms.push(page.ms);
}

/** Pages of 50 out of batches of several sizes in turns; the first of each is not counted. */
export async function measurePages(folder: string, sizes: Sizes): Promise<Row[]> {
  await (await startProduct({ folder, apiUrl: 'http://127.0.0.1:9' })).close();
  const parts = [];
  for (const whole of Object.values(sizes)) {
    for (let first = 0; first < whole; first += PART) {
      const count = Math.min(PART, whole - first);
      const results = path.join(folder, `results-${whole}-${first}.jsonl`);
      await writeResults(results, { count, bytesEach: 550, first });
      parts.push({ count, first: customId(first), results });
    }
  }
  const api = await startApi({ parts });
  const product = await startProduct({ folder, apiUrl: api.url });
  try {
    const small = await submit(product, folder, sizes.small);
    const large = await submit(product, folder, sizes.large);
    const huge = await submit(product, folder, sizes.huge);
    const pages = Math.min(PAGES, sizes.small / PAGE - 1);
    for (let page = 0; page < pages; page += 1)
      for (const pager of [small, large, huge]) await turn(product, pager);
    return [large, huge].map((pager) => rowOf(pager, small));
  } finally {
    await product.close();
    api.close();
  }
}

function rowOf({ count, ms }: Pager, small: Pager): Row {
  const [first = 0, ...next] = ms;
  const [firstOfSmall = 0, ...nextOfSmall] = small.ms;
  const slower = median(next) / median(nextOfSmall);
  const inParts = count > PART ? ` in ${Math.ceil(count / PART)} parts` : '';
  return {
    what: `a page of ${PAGE} out of ${count}${inParts}`,
    reference: `out of ${small.count}: ${times(nextOfSmall)}; the first ${firstOfSmall.toFixed(1)} ms`,
    measured: `${times(next)} (${ratio(slower)}); the first ${first.toFixed(1)} ms`,
    bar: 'at most 2 ×, under 20 ms',
    met: slower <= 2 && median(next) < 20,
    stretch: '',
  };
}
