import { BatchError } from '../errors.ts';
import { splitLines, wholeLines } from '../lib/lines.ts';
import { openBlobWriter } from './blob-writer.ts';
import { type IndexFormat, readIndexBlob, writeIndexBlob } from './index-blob.ts';
import { TASKS, TASKS_INDEX } from './names.ts';
import type { Blobs, Span } from './store.ts';
import { damaged } from './stored-json.ts';
import { decodeEntries, decodeEntry, type TaskEntry, taskLine } from './task-entry.ts';

/** Consecutive lines of tasks. */
export type TaskLines = {
  /** With their newlines. */
  bytes: Uint8Array;
  /** Of each line, in bytes, its newline included. */
  lengths: Uint32Array;
};

type TasksWriter = {
  /** The next task in the caller's order, and where its request stands in its part's body. */
  add(entry: TaskEntry, request: Span): Promise<void>;
  /** The next tasks; `request` gives where that of the i-th of them stands. */
  addLines(tasks: TaskLines, request: (index: number) => Span): Promise<void>;
  /** Writes the rest and the index; does nothing where the batch has its tasks already. */
  close(): Promise<void>;
  /** Removes them. */
  abort(): Promise<void>;
};

/** The tasks of a batch. Ordinals count from 0, in the caller's order. Holds 24 bytes a task. */
export type Tasks = {
  readonly count: number;
  /** The entries of these tasks, in the order asked for. */
  read(ordinals: readonly number[]): Promise<TaskEntry[]>;
  /** All entries from an ordinal on, streamed in groups: one promise per task would cost more than reading it. */
  from(ordinal: number): AsyncIterable<TaskEntry[]>;
  /** Where its request stands in its part's body; null where the index was lost, which alone knew. */
  request(ordinal: number): Span | null;
};

const FORMAT: IndexFormat = { magic: 'BMTI', version: 1, rowBytes: 24 };
// A row, little endian: offset (8 bytes, a double) and length (4) of the line among the tasks, and of the
// request in its part's body. No request is 4 GB long: this length stands for an unknown one.
const REQUEST = 12;
const UNKNOWN_LENGTH = 0xffffffff;
/** For a task that has none yet. */
export const NO_REQUEST: Span = { offset: 0, length: UNKNOWN_LENGTH };

/** Neighbouring lines are read in one go, up to this many bytes of them. */
const LONGEST_READ_BYTES = 1024 * 1024;

const ROWS_AT_ONCE = 4096;

/** Rows as they come, in pieces of a fixed size: one list that grows would be copied again and again. */
function createRows() {
  const full: Buffer[] = [];
  let last = Buffer.alloc(0);
  let used = 0;
  return {
    add(line: Span, request: Span) {
      if (used === last.length) {
        full.push(last);
        last = Buffer.alloc(ROWS_AT_ONCE * FORMAT.rowBytes);
        used = 0;
      }
      last.writeDoubleLE(line.offset, used);
      last.writeUInt32LE(line.length, used + 8);
      last.writeDoubleLE(request.offset, used + REQUEST);
      last.writeUInt32LE(request.length, used + REQUEST + 8);
      used += FORMAT.rowBytes;
    },
    bytes: () => Buffer.concat([...full, last.subarray(0, used)]),
  };
}

/** Opens the tasks of a batch for writing, once; the index comes with `close`. */
export function openTasksWriter(blobs: Blobs): TasksWriter {
  const lines = openBlobWriter(blobs, TASKS);
  const rows = createRows();
  async function addLines({ bytes, lengths }: TaskLines, request: (index: number) => Span): Promise<void> {
    let offset = lines.position;
    for (const [index, length] of lengths.entries()) {
      rows.add({ offset, length: length - 1 }, request(index));
      offset += length;
    }
    await lines.write(bytes);
  }

  return {
    addLines,
    add(entry, request) {
      const bytes = Buffer.from(taskLine(entry));
      return addLines({ bytes, lengths: Uint32Array.of(bytes.length) }, () => request);
    },
    async close() {
      const bytes = await lines.finish();
      if (bytes !== null) await writeIndexBlob(blobs, TASKS_INDEX, FORMAT, bytes, rows.bytes());
    },
    abort: () => lines.abort(),
  };
}

/** Rows as the index has them, from the lines themselves, which can't say where the requests are. */
async function rebuildRows(blobs: Blobs): Promise<Buffer> {
  const rows = createRows();
  for await (const lines of splitLines(blobs.read(TASKS))) {
    for (const { bytes, offset, complete } of lines) {
      if (!complete) throw damaged(blobs.describe(TASKS), 'it was cut short');
      rows.add({ offset, length: bytes.length }, NO_REQUEST);
    }
  }
  return rows.bytes();
}

/**
 * The tasks of a batch, `expected` in number; `store_damaged` where the number differs, or they can't be read,
 * now or later.
 */
export async function openTasks(blobs: Blobs, expected: number): Promise<Tasks> {
  const place = blobs.describe(TASKS);
  const size = await blobs.size(TASKS);
  if (size === null) throw damaged(place, 'it is missing');
  const rows = (await readIndexBlob(blobs, TASKS_INDEX, FORMAT, size)) ?? (await rebuildRows(blobs));
  const count = countOf(rows);
  if (count !== expected) throw damaged(place, `it holds ${count} tasks instead of ${expected}`);
  return {
    count,
    read: (ordinals) => readEntries(blobs, rows, ordinals),
    from: (ordinal) => entriesFrom(blobs, rows, ordinal),
    request(ordinal) {
      const found = spanOf(rows, ordinal, REQUEST);
      return found.length === UNKNOWN_LENGTH ? null : found;
    },
  };
}

const countOf = (rows: Buffer): number => rows.length / FORMAT.rowBytes;

/** `within` is 0 for the line's span, `REQUEST` for that of the request. */
function spanOf(rows: Buffer, ordinal: number, within: number): Span {
  const count = countOf(rows);
  if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= count) {
    throw new BatchError('internal', `There is no task ${ordinal} among ${count}.`);
  }
  const at = ordinal * FORMAT.rowBytes + within;
  return { offset: rows.readDoubleLE(at), length: rows.readUInt32LE(at + 8) };
}

/** Runs of lines that follow one another in the file, each to be read at once. */
function runsOf(rows: Buffer, ordinals: readonly number[]): { ordinals: number[]; span: Span }[] {
  const found: { ordinals: number[]; span: Span }[] = [];
  for (const ordinal of [...new Set(ordinals)].sort((a, b) => a - b)) {
    const line = spanOf(rows, ordinal, 0);
    const last = found.at(-1);
    const longer = last && line.offset + line.length - last.span.offset;
    if (last?.ordinals.at(-1) === ordinal - 1 && longer !== undefined && longer <= LONGEST_READ_BYTES) {
      last.ordinals.push(ordinal);
      last.span.length = longer;
    } else {
      found.push({ ordinals: [ordinal], span: line });
    }
  }
  return found;
}

async function readEntries(blobs: Blobs, rows: Buffer, wanted: readonly number[]): Promise<TaskEntry[]> {
  const place = blobs.describe(TASKS);
  const entries = new Map<number, TaskEntry>();
  const found = runsOf(rows, wanted);
  const read = await blobs.readRanges(
    TASKS,
    found.map(({ span }) => span),
  );
  for (const [index, run] of found.entries()) {
    for (const ordinal of run.ordinals) {
      const line = spanOf(rows, ordinal, 0);
      const start = line.offset - run.span.offset;
      const bytes = read[index]?.subarray(start, start + line.length) ?? Buffer.alloc(0);
      entries.set(ordinal, decodeEntry(place, bytes));
    }
  }
  return wanted.flatMap((ordinal) => entries.get(ordinal) ?? []);
}

async function* entriesFrom(blobs: Blobs, rows: Buffer, ordinal: number): AsyncGenerator<TaskEntry[]> {
  const place = blobs.describe(TASKS);
  const count = countOf(rows);
  if (ordinal >= count) return;
  let left = count - ordinal;
  for await (const lines of wholeLines(blobs.read(TASKS, spanOf(rows, ordinal, 0).offset))) {
    const entries = decodeEntries(place, lines);
    left -= entries.length;
    yield entries;
  }
  // It may have been cut since it was opened, at the end of a line.
  if (left !== 0) throw damaged(place, `it holds ${count - left} tasks instead of ${count}`);
}
