import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { BatchError, hasErrorCode } from '../errors.ts';
import { syncFolder } from '../lib/durable-write.ts';
import { createFileWriter } from '../lib/file-writer.ts';
import { readLineBlocks } from '../lib/line-blocks.ts';
import { splitLines } from '../lib/lines.ts';
import { inStore, storeFailure } from './files/store-failure.ts';
import { type IndexFormat, readIndexFile, writeIndexFile } from './index-blob.ts';
import type { BatchFolder } from './store.ts';
import { damaged, decodeEntries, decodeEntry, type TaskEntry, taskLine } from './task-entry.ts';

/** A piece of a file, in bytes. */
export type Span = { offset: number; length: number };

/** Lines of tasks.jsonl in a row. */
export type TaskLines = {
  /** With their newlines. */
  bytes: Uint8Array;
  /** Of each line, in bytes, its newline included. */
  lengths: Uint32Array;
};

export type TasksWriter = {
  /** The next task in the caller's order, and where its request stands in its part's body file. */
  add(entry: TaskEntry, request: Span): Promise<void>;
  /** The next tasks; `request` gives where that of the i-th of them stands. */
  addLines(tasks: TaskLines, request: (index: number) => Span): Promise<void>;
  /** Writes the rest and the index, through to the disk. */
  close(): Promise<void>;
  /** Closes the files as they are, for a folder that is thrown away. */
  abort(): Promise<void>;
};

/** The tasks of a batch. Ordinals count from 0, in the caller's order. Holds 24 bytes a task, and no open file. */
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
// A row, little endian: offset (8 bytes, a double) and length (4) of the line in tasks.jsonl, and of the
// request in its part's body file. No request is 4 GB long: this length stands for an unknown one.
const REQUEST = 12;
const UNKNOWN_LENGTH = 0xffffffff;

/** Neighbouring lines are read in one go, up to this many bytes of them. */
const LONGEST_READ_BYTES = 1024 * 1024;

const ROWS_AT_ONCE = 4096;

/** Lines that are parsed at once: more at a time is no faster, and takes more memory. */
const DECODED_BYTES = 64 * 1024;

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

/** Creates tasks.jsonl in a batch's folder; the index beside it comes with `close`. */
export async function createTasksWriter(folder: BatchFolder): Promise<TasksWriter> {
  const lines = await inStore('write', folder.tasks, () => createFileWriter(folder.tasks));
  const rows = createRows();
  async function addLines({ bytes, lengths }: TaskLines, request: (index: number) => Span): Promise<void> {
    let offset = lines.position;
    for (const [index, length] of lengths.entries()) {
      rows.add({ offset, length: length - 1 }, request(index));
      offset += length;
    }
    await inStore('write', folder.tasks, () => lines.write(bytes));
  }

  return {
    addLines,
    add(entry, request) {
      const bytes = Buffer.from(taskLine(entry));
      return addLines({ bytes, lengths: Uint32Array.of(bytes.length) }, () => request);
    },
    async close() {
      const { bytes } = await inStore('write', folder.tasks, () => lines.finish());
      await writeIndexFile(folder.tasksIndex, FORMAT, bytes, rows.bytes());
      await inStore('write', folder.path, () => syncFolder(folder.path));
    },
    abort: () => inStore('write', folder.tasks, () => lines.close()),
  };
}

/** Rows as the index has them, from the lines themselves; where the requests stand they can't say. */
async function rebuildRows(folder: BatchFolder): Promise<Buffer> {
  const rows = createRows();
  for await (const lines of splitLines(createReadStream(folder.tasks))) {
    for (const { bytes, offset, complete } of lines) {
      if (!complete) throw damaged(folder, 'it was cut short');
      rows.add({ offset, length: bytes.length }, { offset: 0, length: UNKNOWN_LENGTH });
    }
  }
  return rows.bytes();
}

async function readSpan(folder: BatchFolder, handle: FileHandle, { offset, length }: Span): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  if (bytesRead < length) throw damaged(folder, 'it was cut short');
  return buffer;
}

/** The tasks of a batch; `store_damaged` where they are missing or can't be read, now or when asked for. */
export async function openTasks(folder: BatchFolder): Promise<Tasks> {
  const rows = await inStore('read', folder.tasks, async () => {
    const { size } = await stat(folder.tasks).catch((error: unknown) => {
      throw hasErrorCode(error, 'ENOENT') ? damaged(folder, 'it is missing', error) : error;
    });
    return (await readIndexFile(folder.tasksIndex, FORMAT, size)) ?? rebuildRows(folder);
  });
  const count = rows.length / FORMAT.rowBytes;

  /** `within` is 0 for the line's span, `REQUEST` for that of the request. */
  function span(ordinal: number, within: number): Span {
    if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= count) {
      throw new BatchError('internal', `There is no task ${ordinal} among ${count}.`);
    }
    const at = ordinal * FORMAT.rowBytes + within;
    return { offset: rows.readDoubleLE(at), length: rows.readUInt32LE(at + 8) };
  }

  /** Runs of lines that follow one another in the file, each to be read at once. */
  function runs(ordinals: readonly number[]): { ordinals: number[]; span: Span }[] {
    const found: { ordinals: number[]; span: Span }[] = [];
    for (const ordinal of [...new Set(ordinals)].sort((a, b) => a - b)) {
      const line = span(ordinal, 0);
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

  async function read(wanted: readonly number[]): Promise<TaskEntry[]> {
    const entries = new Map<number, TaskEntry>();
    const handle = await open(folder.tasks, 'r');
    try {
      for (const run of runs(wanted)) {
        const bytes = await readSpan(folder, handle, run.span);
        for (const ordinal of run.ordinals) {
          const line = span(ordinal, 0);
          const start = line.offset - run.span.offset;
          entries.set(ordinal, decodeEntry(folder, bytes.subarray(start, start + line.length)));
        }
      }
    } finally {
      await handle.close();
    }
    return wanted.flatMap((ordinal) => entries.get(ordinal) ?? []);
  }

  async function* from(ordinal: number): AsyncGenerator<TaskEntry[]> {
    if (ordinal >= count) return;
    const start = span(ordinal, 0).offset;
    const handle = await inStore('read', folder.tasks, () => open(folder.tasks, 'r'));
    try {
      for await (const { bytes } of readLineBlocks(handle, { blockBytes: DECODED_BYTES, start })) {
        yield decodeEntries(folder, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
      }
    } catch (error) {
      throw storeFailure('read', folder.tasks, error);
    } finally {
      await handle.close();
    }
  }

  return {
    count,
    read: (ordinals) => inStore('read', folder.tasks, () => read(ordinals)),
    from,
    request(ordinal) {
      const found = span(ordinal, REQUEST);
      return found.length === UNKNOWN_LENGTH ? null : found;
    },
  };
}
