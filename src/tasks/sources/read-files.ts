import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Problem } from '../../errors.ts';
import { BatchError } from '../../errors.ts';
import type { AllowedFolders, OpenedFile } from '../../lib/allowed-folders.ts';
import type { Attachment } from '../../provider/dialect.ts';
import type { TextEncoding } from './encoding.ts';
import { kindOf } from './file-kind.ts';
import type { FoundFile } from './find-files.ts';
import { type Skipped, skip } from './skipped.ts';
import { splitText } from './split-text.ts';
import type { Cells } from './table.ts';
import { beginningOf, textPieces } from './text-file.ts';

/** What becomes a task: a file, or a part of a text that was split. */
export type FileItem = { task_id: string; cells: Cells } & (
  | { text: string }
  | { attachment: Attachment }
  | { problem: Problem }
);

/** What a request of 32 MB holds (the API's limit), with room for what is said of it. */
const LONGEST_TEXT_BYTES = 31_000_000;
/** As base64 it grows by a third. */
const LONGEST_ATTACHMENT_BYTES = 23_000_000;

/** With room for the number of a part: an id has at most 256 characters. */
const LONGEST_NAME = 245;

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000)} MB`;

/** What a prompt and an output's path can name of a file. */
function cellsOf({ name }: FoundFile): Cells {
  const { dir, name: stem, ext } = path.posix.parse(name);
  return { path: name, dir: dir === '' ? '.' : dir, stem, ext: ext.slice(1) };
}

/** The tasks of a file; none where it is left out, which is counted in `skipped`. */
export async function* readFileItems(
  file: FoundFile,
  folders: AllowedFolders,
  { split_chars, skipped }: { split_chars: number | undefined; skipped: Skipped },
): AsyncGenerator<FileItem> {
  if (file.name.length > LONGEST_NAME) {
    yield longName(file);
    return;
  }
  const opened = await openOrSkip(file, folders, skipped);
  if (opened === null) return;
  try {
    const kind = kindOf(file.path, await beginningOf(opened.handle));
    if (kind.kind === 'skip') skip(skipped, kind.reason);
    else if (kind.kind !== 'text') yield await attached(file, opened, kind);
    else yield* textItems(file, opened, kind.encoding, split_chars, skipped);
  } finally {
    await opened.handle.close();
  }
}

/** A path that is too long for a task's id. */
function longName({ name }: FoundFile): FileItem {
  const problem = `its path has ${name.length} characters`;
  return { task_id: name, cells: {}, problem: { problem, valid: `at most ${LONGEST_NAME}` } };
}

/** What is gone since it was found, or has become a link, is left out. */
async function openOrSkip(
  file: FoundFile,
  folders: AllowedFolders,
  skipped: Skipped,
): Promise<OpenedFile | null> {
  try {
    const opened = await folders.openForReading(file.path);
    if (opened.path === file.path) return opened;
    await opened.handle.close();
    skip(skipped, 'link');
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    skip(skipped, 'unreadable');
  }
  return null;
}

async function attached(
  file: FoundFile,
  { handle, size }: OpenedFile,
  kind: { kind: 'pdf' } | { kind: 'image'; media_type: string },
): Promise<FileItem> {
  const item = { task_id: file.name, cells: cellsOf(file) };
  if (size > LONGEST_ATTACHMENT_BYTES) {
    const problem = `is ${megabytes(size)}, more than a request can hold`;
    return { ...item, problem: { problem, valid: `at most ${megabytes(LONGEST_ATTACHMENT_BYTES)}` } };
  }
  const bytes = await wholeOf(handle, size);
  const media_type = kind.kind === 'pdf' ? 'application/pdf' : kind.media_type;
  return { ...item, attachment: { kind: kind.kind, media_type, data: bytes.toString('base64') } };
}

async function wholeOf(handle: FileHandle, size: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}

async function* textItems(
  file: FoundFile,
  { handle, size }: OpenedFile,
  encoding: TextEncoding,
  split_chars: number | undefined,
  skipped: Skipped,
): AsyncGenerator<FileItem> {
  const item = { task_id: file.name, cells: cellsOf(file) };
  if (split_chars === undefined && size > LONGEST_TEXT_BYTES) {
    const problem = `is ${megabytes(size)} of text, more than a request can hold`;
    yield { ...item, problem: { problem, valid: 'split_chars, which cuts longer texts into parts' } };
    return;
  }
  const pieces = textPieces({ handle, encoding, returnsOnly: false });
  let part = 0;
  try {
    let held: string | null = null;
    for await (const text of splitText(pieces, split_chars ?? Number.POSITIVE_INFINITY)) {
      // Only when there is a second part is it known that the first is one.
      if (held !== null) yield partOf(item, ++part, held);
      held = text;
    }
    if (held === null || (part === 0 && held.trim() === '')) skip(skipped, 'empty');
    else yield part === 0 ? { ...item, text: held } : partOf(item, part + 1, held);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    if (part === 0) skip(skipped, 'encoding');
    else
      yield {
        ...item,
        problem: { problem: `is not UTF-8 behind part ${part}`, valid: 'text saved as UTF-8' },
      };
  }
}

function partOf({ task_id, cells }: { task_id: string; cells: Cells }, part: number, text: string): FileItem {
  return { task_id: `${task_id}#${part}`, cells: { ...cells, part }, text };
}
