import { closeSync, openSync, readSync } from 'node:fs';

/** How far a file is that is still being written: told by who writes it, waited for by who reads it. */
export type Growth = {
  /** So many bytes of the file, from its start, are there to be read. */
  reach(bytes: number): void;
  /** Nothing follows so many bytes; none of them is of use where it is 0. */
  end(bytes: number): void;
  /** Waits for more than `bytes`; how many are there then, no more than these only where nothing follows. */
  beyond(bytes: number): Promise<number>;
};

export function createGrowth(): Growth {
  let reached = 0;
  let ended = false;
  let tell = () => {};
  return {
    reach(bytes) {
      reached = bytes;
      tell();
    },
    end(bytes) {
      reached = bytes;
      ended = true;
      tell();
    },
    async beyond(bytes) {
      while (reached <= bytes && !ended) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      return reached;
    },
  };
}

const READ_BYTES = 256 * 1024;

/**
 * The bytes of a file while it grows, each piece for as long as the next one is not asked for: they share memory.
 * What was just written is in the system's memory still: to read it costs one copy, and less than to have another thread
 * wait for it.
 */
export async function* readGrowing(path: string, growth: Growth): AsyncGenerator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let read = 0;
    for (;;) {
      const reached = await growth.beyond(read);
      if (reached <= read) return;
      const bytes = readSync(file, buffer, 0, Math.min(READ_BYTES, reached - read), read);
      if (bytes === 0) throw new Error('the file is shorter than what was written to it');
      yield buffer.subarray(0, bytes);
      read += bytes;
    }
  } finally {
    closeSync(file);
  }
}
