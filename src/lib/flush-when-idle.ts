import type { FileWriter } from './file-writer.ts';

export type IdleFlush = {
  /** Nothing is written until `resume` has resolved. */
  pause(): void;
  /** Resolves when no flush is under way; throws what the last one failed with. */
  resume(): Promise<void>;
  end(): void;
};

/**
 * Flushes a writer every `ms` milliseconds while its user waits for more to write, and tells `onFlushed`: so what came
 * last can be read by others, though nothing follows. Begins paused.
 */
export function flushWhenIdle(
  writer: Pick<FileWriter, 'flush'>,
  onFlushed: () => void,
  ms: number,
): IdleFlush {
  let paused = true;
  // Stays where it failed: the next `resume` throws it, and no flush follows.
  let flushing: Promise<void> | null = null;
  const timer = setInterval(() => {
    if (!paused || flushing !== null) return;
    flushing = writer.flush().then(() => {
      flushing = null;
      onFlushed();
    });
    // A failure that nobody waits for yet would end the process.
    void Promise.allSettled([flushing]);
  }, ms);
  return {
    pause() {
      paused = true;
    },
    async resume() {
      paused = false;
      await flushing;
    },
    end: () => clearInterval(timer),
  };
}
