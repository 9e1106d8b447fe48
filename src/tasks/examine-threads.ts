import { availableParallelism } from 'node:os';
import type { BatchError } from '../errors.ts';
import type { LineBlock } from '../lib/line-blocks.ts';
import { startThread } from '../lib/thread.ts';
import { threadDied } from '../lib/thread-answers.ts';
import type { Block } from './block.ts';
import type { Examination } from './examine.ts';
import type { ThreadExamination } from './examine-thread.ts';

/** This thread has its own work with what they give, and each takes some 30 MB. */
const MOST_THREADS = 3;
/** Blocks under way per thread: one in work, and one that waits so that it need not. */
const BLOCKS_EACH = 2;

type ExamineThread = {
  /** Of blocks that are handed over one after another; null for one without items. */
  examine(lines: LineBlock): Promise<Block | null>;
  end(): Promise<unknown>;
};

function startExamining(examination: Examination): ExamineThread {
  const {
    dialect,
    catalog,
    templates,
    allowNetworkTools,
    defaults,
    variants,
    partBytes,
    today,
    nonce,
    places,
  } = examination;
  const data: ThreadExamination = {
    dialect: dialect.name,
    catalog: catalog.options,
    templates: templates.own,
    allowNetworkTools,
    defaults,
    variants,
    partBytes,
    today,
    nonce,
    places,
  };
  const thread = startThread({ name: 'examine-thread', from: import.meta.url }, data);
  const waiting: { resolve: (block: Block | null) => void; reject: (error: unknown) => void }[] = [];
  let failure: BatchError | undefined;

  function fail(cause: Error): void {
    failure ??= threadDied(cause);
    for (const { reject } of waiting.splice(0)) reject(failure);
  }

  thread.on('message', (block: Block | null) => waiting.shift()?.resolve(block));
  thread.on('error', fail);
  thread.on('exit', () => fail(new Error('it was stopped')));

  return {
    examine: (lines) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        waiting.push({ resolve, reject });
        thread.postMessage(lines, [lines.bytes.buffer]);
      }),
    end: () => thread.terminate(),
  };
}

/** As `examineLines`, on several threads at once: the blocks in the order of the lines. */
export async function* examineInThreads(
  lines: AsyncIterable<LineBlock>,
  examination: Examination,
): AsyncGenerator<Block> {
  const count = Math.min(MOST_THREADS, availableParallelism());
  const threads = Array.from({ length: count }, () => startExamining(examination));
  const pending: Promise<Block | null>[] = [];
  try {
    let next = 0;
    for await (const block of lines) {
      const thread = threads[next % count];
      next += 1;
      if (thread === undefined) continue;
      const examined = thread.examine(block);
      pending.push(examined);
      // It may fail before its turn comes: a failure that nobody waits for yet would end the process.
      void Promise.allSettled([examined]);
      if (pending.length >= count * BLOCKS_EACH) {
        const examined = await pending.shift();
        if (examined) yield examined;
      }
    }
    for (;;) {
      const examined = pending.shift();
      if (examined === undefined) return;
      const block = await examined;
      if (block !== null) yield block;
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}
