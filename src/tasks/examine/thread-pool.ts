import { availableParallelism } from 'node:os';
import type { BatchError } from '../../errors.ts';
import { passOn } from '../../lib/exact-json.ts';
import { canStartThread, fromFailure, startThread, threadDied } from '../../lib/thread.ts';
import type { Block } from '../block.ts';
import { addSkipped, type Skipped } from '../sources/files/skipped.ts';
import type { Examination } from './examine-task.ts';
import type { Examined, ExaminedPart, ThreadExamination, ThreadWork } from './examine-thread.ts';

const examineThread = { name: 'examine-thread', from: import.meta.url };
/** Whether `examineInThreads` can start threads here. */
export const canExamineInThreads = () => canStartThread(examineThread);

/** This thread has to process their results, and each takes some 30 MB. */
const MOST_THREADS = 3;
/** Blocks under way per thread: one in work, and one waiting, so that the thread never waits. */
const BLOCKS_EACH = 2;

type ExamineThread = {
  /** One piece after another. */
  examine(work: ThreadWork): void;
  /** The next part of the work's result; the thread continues once it has been taken. */
  next(): Promise<ExaminedPart>;
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
    expect,
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
    settings: passOn({ defaults, variants }),
    expect,
    partBytes,
    today,
    nonce,
    places,
  };
  const thread = startThread(examineThread, data);
  const come: Examined[] = [];
  let failure: BatchError | undefined;
  let wake = () => {};

  thread.on('message', (examined: Examined) => {
    come.push(examined);
    wake();
  });
  const fail = (cause: Error) => {
    failure ??= threadDied(cause);
    wake();
  };
  thread.on('error', fail);
  thread.on('exit', () => fail(new Error('it was stopped')));

  return {
    examine(work) {
      thread.postMessage(work, transferred(work));
    },
    async next() {
      for (;;) {
        const examined = come.shift();
        if (examined !== undefined) {
          if ('failure' in examined) throw fromFailure(examined.failure);
          if (!examined.last) thread.postMessage('go on');
          return examined;
        }
        if (failure !== undefined) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    end: () => thread.terminate(),
  };
}

/** The memory that is left to the thread. */
function transferred(work: ThreadWork): ArrayBuffer[] {
  if (work.kind === 'files') return [];
  const { buffer } = (work.kind === 'lines' ? work.lines : work.rows.block).bytes;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

/**
 * Examines lines, rows or files on several threads at once; yields the blocks in the order of the work. Counts what
 * is left out in `skipped`.
 */
export async function* examineInThreads(
  work: AsyncIterable<ThreadWork>,
  examination: Examination,
  skipped: Skipped = new Map(),
): AsyncGenerator<Block> {
  const count = Math.min(MOST_THREADS, availableParallelism());
  const threads = Array.from({ length: count }, () => startExamining(examination));
  /** Yields the thread of each piece of work in turn. */
  const turns: ExamineThread[] = [];

  async function* oldest(): AsyncGenerator<Block> {
    const thread = turns.shift();
    for (let isLast = thread === undefined; !isLast; ) {
      const examined = await thread?.next();
      if (examined) addSkipped(skipped, examined.skipped);
      if (examined?.block) yield examined.block;
      isLast = examined?.last ?? true;
    }
  }

  try {
    let next = 0;
    for await (const piece of work) {
      const thread = threads[next % count];
      next += 1;
      if (thread === undefined) continue;
      thread.examine(piece);
      turns.push(thread);
      if (turns.length >= count * BLOCKS_EACH) yield* oldest();
    }
    while (turns.length > 0) yield* oldest();
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}
