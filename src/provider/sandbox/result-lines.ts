import type { FileHandle } from 'node:fs/promises';
import { openRegularFile } from '../../lib/files/regular-file.ts';
import { ownId } from '../../lib/mark.ts';
import { erroredResult, succeededResult } from './answer.ts';
import type { SandboxBatch } from './batch-state.ts';
import { type IndexEntry, readIndex } from './request-scanner.ts';
import { checkEnvelope, checkParams } from './request-schema.ts';
import { shuffled } from './schema-sample.ts';

type NumberedEntry = IndexEntry & { ordinal: number };

/** Neighbouring requests that are read in one piece, to keep both memory and the number of reads low. */
const WINDOW_REQUESTS = 256;
const WINDOW_BYTES = 4 * 1024 * 1024;

/**
 * The lines of a batch's results, some at a time, in an order that is not the requests' but always the same.
 * Requests from `finished` on were canceled.
 */
export async function* resultLines(
  { id: batchId, warm = [] }: Pick<SandboxBatch, 'id' | 'warm'>,
  files: { body: string; index: string },
  finished: number,
): AsyncGenerator<string[]> {
  const entries = (await readIndex(files.index)).map((entry, ordinal) => ({ ...entry, ordinal }));
  const known = new Set(warm);
  const body = await openRegularFile(files.body);
  try {
    for (const window of shuffled(windowsOf(entries), batchId)) {
      const requests = await readWindow(body, window);
      const lines = requests.map(({ ordinal, text }) => resultLine(batchId, text, ordinal < finished, known));
      yield shuffled(lines, `${batchId}/${window[0]?.ordinal}`);
    }
  } finally {
    await body.close();
  }
}

function windowsOf(entries: readonly NumberedEntry[]): NumberedEntry[][] {
  const windows: NumberedEntry[][] = [];
  let current: NumberedEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (current.length > 0 && (current.length === WINDOW_REQUESTS || bytes + entry.bytes > WINDOW_BYTES)) {
      windows.push(current);
      current = [];
      bytes = 0;
    }
    current.push(entry);
    bytes += entry.bytes;
  }
  return current.length > 0 ? [...windows, current] : windows;
}

async function readWindow(
  body: FileHandle,
  window: readonly NumberedEntry[],
): Promise<{ ordinal: number; text: string }[]> {
  const start = window[0]?.offset ?? 0;
  const last = window.at(-1);
  const length = last ? last.offset + last.bytes - start : 0;
  const { buffer } = await body.read(Buffer.allocUnsafe(length), 0, length, start);
  return window.map(({ ordinal, offset, bytes }) => ({
    ordinal,
    text: buffer.toString('utf8', offset - start, offset - start + bytes),
  }));
}

function resultLine(batchId: string, text: string, finished: boolean, warm: ReadonlySet<string>): string {
  const request = checkEnvelope(JSON.parse(text), '');
  if (!request.ok) throw new Error(`a request of ${batchId} was changed after it was received`);
  const { custom_id, params } = request.value;
  const checked = checkParams(params);
  const result = !finished
    ? { type: 'canceled' }
    : checked.ok
      ? succeededResult(batchId, ownId(custom_id), checked.value, warm)
      : erroredResult(checked.problem);
  return `${JSON.stringify({ custom_id, result })}\n`;
}
