import { createHash, type Hash } from 'node:crypto';
import { BatchError } from '../../errors.ts';
import { createMark, MARK_BYTES } from '../../lib/mark.ts';
import type { Dialect } from '../../provider/dialect.ts';
import type { Limits } from '../../state/context.ts';
import type { BlobWriter } from '../../store/blob-writer.ts';
import type { PartMark } from '../../store/record.ts';
import type { Span } from '../../store/store.ts';

/** Consecutive requests, separated by one byte, as in a body. */
export type RequestRun = {
  bytes: Uint8Array;
  /** Of each request, in bytes. */
  lengths: Uint32Array;
};

/** How many requests of a run have to be in the same body, group by group; each is independent where left out. */
type Together = { together?: Uint32Array | undefined };

/** One of the requests of a run. */
export function requestText({ bytes, lengths }: RequestRun, index: number): string {
  const start = lengths.subarray(0, index).reduce((sum, length) => sum + length + 1, 0);
  return Buffer.from(bytes.subarray(start, start + (lengths[index] ?? 0))).toString('utf8');
}

/** Iterates over the requests of a run. */
export function* requestTexts({ bytes, lengths }: RequestRun): Generator<string> {
  let start = 0;
  for (const length of lengths) {
    yield Buffer.from(bytes.subarray(start, start + length)).toString('utf8');
    start += length + 1;
  }
}

/** The place of consecutive requests of a run in a body, from `offset` on. */
type RunPlace = {
  number: number;
  offset: number;
  /** The first of them, and the first that is not, counted in the run. */
  from: number;
  to: number;
};

/** Where each request of a run stands in its body. */
export function* spansOf(places: readonly RunPlace[], lengths: Uint32Array): Generator<PlacedSpan> {
  for (const { number, offset, from, to } of places) {
    let at = offset;
    for (const length of lengths.subarray(from, to)) {
      yield { number, offset: at, length };
      at += length + 1;
    }
  }
}

/** The place of a request, and the number of its body. */
type PlacedSpan = Span & { number: number };

/** A complete body, as it is sent except for its mark. */
type WrittenBody = {
  number: number;
  request_count: number;
  bytes: number;
  sha256: string;
  mark: PartMark;
};

/** The rest of a run from a request on. */
type Rest = { from: number; together: Uint32Array };
/** The requests before the first that no longer fits, keeping groups together. */
type Fitting = { to: number; bytes: number; units: number };

/** Opens a body for writing; updates `hash` with everything written. */
export type OpenBody = (hash: Hash) => Promise<{ number: number; blob: BlobWriter }>;

type OpenedBody = { number: number; blob: BlobWriter; hash: Hash };

type BodiesWriter = {
  /** Writes a run, its requests into as many bodies as they take. */
  add(run: RequestRun & Together): Promise<RunPlace[]>;
  /** Writes the last body; all of them, in order. */
  finish(): Promise<WrittenBody[]>;
  /** The bodies that are complete by now. */
  written(): readonly WrittenBody[];
  /** Leaves nothing of a body that is being written. */
  abandon(): Promise<void>;
};

export type BodiesOptions = {
  /** Whether the first request, or its group, gets the first body to itself. */
  alone?: boolean | undefined;
};

/**
 * Writes requests into the bodies of provider batches; a new one begins before a limit of the provider's would
 * be passed, but every body has one request at least. `open` opens the next body, under the number that it chooses;
 * where another was first under that number, `wrong_state` is thrown.
 */
export function createBodiesWriter(
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  { requests: wire, requestIds }: Pick<Dialect, 'requests' | 'requestIds'>,
  open: OpenBody,
  { alone = false }: BodiesOptions = {},
): BodiesWriter {
  const { head, between, tail } = wire.body;
  const bodies: WrittenBody[] = [];
  let body: OpenedBody | null = null;
  let requests = 0;
  /** The request that was written last, and where. */
  let last: { bytes: Uint8Array; offset: number } = { bytes: Buffer.alloc(0), offset: 0 };

  async function begin(): Promise<OpenedBody> {
    const hash = createHash('sha256');
    const begun = { ...(await open(hash)), hash };
    await begun.blob.write(head);
    return begun;
  }

  async function end({ number, blob, hash }: OpenedBody): Promise<void> {
    await blob.write(tail);
    const bytes = await blob.finish();
    if (bytes === null) {
      throw new BatchError(
        'wrong_state',
        'Nothing was sent by this call: another one was faster to add parts to the batch. Call batch_status to see what goes on.',
      );
    }
    bodies.push({ number, request_count: requests, bytes, sha256: hash.digest('hex'), mark: markOf(last) });
    body = null;
    requests = 0;
  }

  function markOf({ bytes, offset }: typeof last): PartMark {
    const own = wire.decode(Buffer.from(bytes).toString('utf8'))?.id;
    if (own === undefined) throw new BatchError('internal', 'A written request is not a request.');
    return { ...createMark(own, requestIds.longest), offset, length: bytes.length };
  }

  /** How many requests from `from` on still fit into the body, and their bytes. */
  function fitting(run: RequestRun, { from, together }: Rest, position: number): Fitting {
    let bytes = 0;
    let to = from;
    let units = 0;
    while (to < run.lengths.length) {
      const next = to + (together[units] ?? 1);
      const lengths = run.lengths.subarray(to, next);
      const more = lengths.reduce((sum, length) => sum + length + 1, to > from ? 0 : -1);
      const isFirst = requests === 0 && to === from;
      const isLarge =
        (alone && bodies.length === 0) ||
        requests + next - from > limits.partRequests ||
        position + bytes + more + tail.length + MARK_BYTES > limits.partBytes;
      if (!isFirst && isLarge) break;
      bytes += more;
      to = next;
      units += 1;
    }
    return { to, bytes, units };
  }

  return {
    async add(run) {
      const places: RunPlace[] = [];
      let start = 0;
      let together = run.together ?? new Uint32Array();
      for (let from = 0; from < run.lengths.length; ) {
        body ??= await begin();
        const isFirst = requests === 0;
        const position = body.blob.position + (isFirst ? 0 : between.length);
        const { to, bytes, units } = fitting(run, { from, together }, position);
        if (to === from) {
          await end(body);
          continue;
        }
        if (!isFirst) await body.blob.give(Buffer.from(between));
        places.push({ number: body.number, offset: body.blob.position, from, to });
        // Not copied: nobody uses a run after it was written.
        await body.blob.give(run.bytes.subarray(start, start + bytes));
        const length = run.lengths[to - 1] ?? 0;
        last = {
          bytes: run.bytes.subarray(start + bytes - length, start + bytes),
          offset: body.blob.position - length,
        };
        requests += to - from;
        start += bytes + 1;
        from = to;
        together = together.subarray(units);
      }
      return places;
    },
    async finish() {
      if (body !== null) await end(body);
      return bodies;
    },
    written: () => bodies,
    async abandon() {
      await body?.blob.abort();
    },
  };
}
