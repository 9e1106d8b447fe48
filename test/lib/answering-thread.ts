import { workerData } from 'node:worker_threads';
import { BatchError } from '../../src/errors.ts';
import { answer } from '../../src/lib/thread-answers.ts';

/** Ends in the way that it is told to. */
await answer<{ done: string }>(async (onProgress) => {
  onProgress(7);
  switch (workerData) {
    case 'refuse':
      throw new BatchError('store_failed', 'The disk is full.', { problems: [{ problem: 'no room' }] });
    case 'throw':
      throw new TypeError('a mistake');
    case 'exit':
      process.exit(0);
      break;
  }
  return { done: String(workerData) };
});
