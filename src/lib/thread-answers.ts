import { parentPort, type Worker } from 'node:worker_threads';
import { BatchError } from '../errors.ts';
import { fromFailure, type ThreadFailure, toFailure } from './thread.ts';

type Message<T> =
  | { kind: 'progress'; done: number }
  | { kind: 'answer'; answer: T }
  | { kind: 'failure'; failure: ThreadFailure };

function say<T>(message: Message<T>): void {
  parentPort?.postMessage(message);
}

const PROGRESS_MS = 100;

/** Tells how far the work is, but not often: to wake another thread takes as long as to check a dozen lines. */
function createProgress(): (done: number) => void {
  let next = 0;
  return (done) => {
    const now = performance.now();
    if (now < next) return;
    next = now + PROGRESS_MS;
    say({ kind: 'progress', done });
  };
}

/** For the thread: does its work, and sends what comes of it to `answerOf`. `T` is plain data. */
export async function answer<T>(work: (onProgress: (done: number) => void) => Promise<T>): Promise<void> {
  try {
    say({ kind: 'answer', answer: await work(createProgress()) });
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    say({ kind: 'failure', failure: toFailure(error) });
  }
}

/**
 * What a thread that runs `answer` comes to, once it has ended. Fails with its `BatchError`, or with `internal`
 * where it ended without an answer: by an error of another kind, or because memory ran out.
 */
export function answerOf<T>(thread: Worker, onProgress: (done: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let settle = () => reject(threadDied(new Error('it was stopped')));
    thread.on('message', (message: Message<T>) => {
      if (message.kind === 'progress') onProgress(message.done);
      else if (message.kind === 'answer') settle = () => resolve(message.answer);
      else settle = () => reject(fromFailure(message.failure));
    });
    thread.once('error', (error) => {
      settle = () => reject(threadDied(error));
    });
    thread.once('exit', () => settle());
  });
}

/** What the work of a thread that is gone fails with. */
export function threadDied(cause: Error): BatchError {
  return new BatchError(
    'internal',
    `A thread ended before its work was done (${cause.message}). Nothing is lost: try again.`,
    { cause },
  );
}
