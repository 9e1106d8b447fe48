import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Pieces, Span } from '../store.ts';
import { damaged } from '../stored-json.ts';

/** Sending 200 MB is slower with smaller reads, and no faster with larger ones. */
const READ_BYTES = 256 * 1024;

/** By file descriptor: through the handle each of a hundred thousand reads takes twice the CPU time. */
const readAt = promisify(read);

/** Reads a file from `start` to its end; closing the handle is left to the caller. `failure` makes the error to throw. */
export async function* readFrom(
  handle: FileHandle,
  start: number,
  failure: (error: unknown) => Error,
): Pieces {
  const next = async (piece: Buffer, position: number) => {
    try {
      return await handle.read(piece, 0, READ_BYTES, position);
    } catch (error) {
      throw failure(error);
    }
  };
  for (let position = start; ; ) {
    const piece = Buffer.allocUnsafeSlow(READ_BYTES);
    const { bytesRead } = await next(piece, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

/** How many reads run at once. */
const READS_AT_ONCE = 4;

/** Reads these spans of a file, in the order asked for. One that ends beyond the file is damage; `path` is for its message. */
export async function readSpans(handle: FileHandle, spans: readonly Span[], path: string): Promise<Buffer[]> {
  const room = Buffer.allocUnsafe(spans.reduce((sum, { length }) => sum + length, 0));
  let taken = 0;
  const found = spans.map(({ length }) => {
    taken += length;
    return room.subarray(taken - length, taken);
  });
  const runs = spanRuns(spans).values();
  async function readOn(): Promise<void> {
    let reading = Buffer.alloc(0);
    for (const run of runs) {
      if (reading.length < run.length) reading = Buffer.allocUnsafe(run.length);
      const { bytesRead } = await readAt(handle.fd, reading, 0, run.length, run.offset);
      if (bytesRead < run.length) throw damaged(path, 'it was cut short');
      // Copied, as a run can be many times as long as what is wanted of it.
      for (const { index, span } of run.members) {
        const start = span.offset - run.offset;
        found[index]?.set(reading.subarray(start, start + span.length));
      }
    }
  }
  await Promise.all(Array.from({ length: READS_AT_ONCE }, readOn));
  return found;
}

/** Spans of a file that are read together. */
type SpanRun = Span & { readonly members: { readonly index: number; readonly span: Span }[] };

/** Reading a gap smaller than this costs less than a second read, which takes 14 µs of CPU time. */
const CLOSE_BYTES = 64 * 1024;
const LONGEST_RUN = 1_000_000;

/** Groups spans that are close together, whatever their order; each keeps its index. */
export function spanRuns(spans: readonly Span[]): SpanRun[] {
  const members = spans.map((span, index) => ({ index, span }));
  members.sort((a, b) => a.span.offset - b.span.offset);
  const runs: SpanRun[] = [];
  for (const member of members) {
    const { offset, length } = member.span;
    const run = runs.at(-1);
    const reach = run ? Math.max(run.length, offset + length - run.offset) : 0;
    if (run && offset <= run.offset + run.length + CLOSE_BYTES && reach <= LONGEST_RUN) {
      run.length = reach;
      run.members.push(member);
    } else {
      runs.push({ offset, length, members: [member] });
    }
  }
  return runs;
}
