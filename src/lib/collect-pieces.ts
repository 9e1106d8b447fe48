import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_BYTES = 4 * 1024 * 1024;

/** V8's own collector, which is given only to contexts made while the flag is set. */
function findCollector(): (() => void) | null {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : null');
  setFlagsFromString('--no-expose-gc');
  if (typeof gc !== 'function') return null;
  return () => void Reflect.apply(gc, undefined, [{ type: 'minor' }]);
}

let found: ReturnType<typeof findCollector> | undefined;

/**
 * Told of the bytes of a long stream as they are done with, lets V8 collect them now and then, in half a millisecond
 * each time. By itself it waits for 32 MB of young buffers, twice the size of its young generation, and that can be
 * changed only where the process is started, which is the client's.
 */
export function createPieceCollector(): (bytes: number) => void {
  found ??= findCollector();
  const collect = found;
  let waiting = 0;
  return (bytes) => {
    waiting += bytes;
    if (waiting < EVERY_BYTES) return;
    waiting = 0;
    collect?.();
  };
}
