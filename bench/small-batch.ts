import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { startApi } from './api.ts';
import { requestOf, writeResults } from './inputs.ts';
import { median, type Row, ratio, reached, time, times } from './measure.ts';
import { startProduct } from './product.ts';

const TASKS = 5;
/** Submissions are short, so more of them are measured; the first ones load and compile what later ones have. */
const TIMES_AS_MANY = 3;
const UNCOUNTED = 3;
const WAIT_SECONDS = 20;

/** What a submission costs that is no larger than a person types, and what a wait asks of the API. */
export async function measureSmallBatch(folder: string, repeats: number): Promise<Row[]> {
  const results = path.join(folder, 'results.jsonl');
  await writeResults(results, { count: TASKS, bytesEach: 500 });
  const api = await startApi({ parts: [{ count: TASKS, results }], endless: true });
  const client = new Anthropic({ apiKey: 'sk-ant-bench', baseURL: api.url, maxRetries: 0 });
  const product = await startProduct({ folder, apiUrl: api.url });
  const ours: number[] = [];
  const plainly: number[] = [];
  let batch_id: unknown;
  try {
    for (let i = 0; i < repeats * TIMES_AS_MANY + UNCOUNTED; i += 1) {
      const requests = Array.from({ length: TASKS }, (_, task) =>
        requestOf(task, `How is order ${i}-${task}?`),
      );
      const start = performance.now();
      await client.messages.batches.create({ requests });
      plainly.push(performance.now() - start);
      const { reply, ms } = await product.call('submit_batch', { requests });
      if (reply.processing_status !== 'in_progress') throw new Error('it was not sent within the call');
      batch_id = reply.batch_id;
      ours.push(ms);
    }
    const before = await api.served();
    await product.call('batch_status', { batch_id, wait_seconds: WAIT_SECONDS });
    const asked = (await api.served()) - before;
    const [sent, created] = [ours.slice(UNCOUNTED), plainly.slice(UNCOUNTED)];
    const slower = median(sent) / median(created);
    const more = median(sent) - median(created);
    return [
      {
        what: `a submission of ${TASKS} tasks`,
        reference: `the SDK's \`batches.create\` alone: ${times(created)}`,
        measured: `${times(sent)} (${ratio(slower)}, ${time(more)} more)`,
        bar: 'at most 12 ×, 30 ms more',
        met: slower <= 12 && more <= 30,
        stretch: reached('8 ×', slower <= 8),
      },
      {
        what: `requests to the API while a call waits ${WAIT_SECONDS} seconds`,
        reference: '',
        measured: String(asked),
        bar: 'at most 5',
        met: asked <= 5,
        stretch: '',
      },
    ];
  } finally {
    await product.close();
    api.close();
  }
}
