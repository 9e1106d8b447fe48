import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, type Problem } from '../../../errors.ts';
import type { AllowedFolders } from '../../../lib/files/allowed-folders.ts';
import { type Roots, readFound } from '../../../lib/files/roots.ts';
import { isCutOff } from '../../../lib/media.ts';
import { isEncrypted } from '../../../lib/pdf.ts';
import type { Attachment } from '../../../provider/dialect.ts';
import type { TextEncoding } from '../encoding.ts';
import type { Cells } from '../tables/table.ts';
import { beginningOf, SAMPLE_BYTES, splitText, textPieces } from '../text-file.ts';
import { kindOf } from './file-kind.ts';
import type { FoundFile } from './find-files.ts';
import { type Skipped, type SkipReason, skip } from './skipped.ts';

/** What becomes a task: a file, or a part of a text that was split. */
export type FileItem = { task_id: string; cells: Cells } & (
  | { text: string }
  | { attachment: Attachment }
  | { problem: Problem }
);

/** What a request of 32 MB holds (the API's limit), with room for the prompt. */
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

/** A file with its beginning, or all of it, and the handle if there is more to read; or why it is not opened. */
export type OpenedItem = FoundFile & (OpenFile | { closed: SkipReason });
type OpenFile = { size: number; beginning: Buffer; handle?: FileHandle };

/** Each system call is a wait: one after another they take longer than everything else. */
export const FILES_AHEAD = 16;

/**
 * Opens files in their order, up to `ahead` of them before they are asked for, and closes them when they are done with. What
 * is gone since it was found, or has become a link, is not opened.
 */
export async function* openFiles(
  files: Iterable<FoundFile> | AsyncIterable<FoundFile>,
  folders: AllowedFolders,
  ahead: number,
): AsyncGenerator<OpenedItem> {
  let group: FoundFile[] = [];
  for await (const file of files) {
    group.push(file);
    if (group.length < ahead) continue;
    yield* openGroup(group, folders);
    group = [];
  }
  yield* openGroup(group, folders);
}

async function* openGroup(group: readonly FoundFile[], folders: AllowedFolders): AsyncGenerator<OpenedItem> {
  const all = await folders.openAll(group.map(({ path }) => path));
  try {
    const items = all.map(async (opened, index): Promise<OpenedItem> => {
      const file = group[index] ?? { name: '', path: '' };
      if (opened instanceof BatchError) return { ...file, closed: 'unreadable' };
      if (opened.path !== file.path) return { ...file, closed: 'link' };
      const { handle, size } = opened;
      return { ...file, handle, size, beginning: await beginningOf(handle, size) };
    });
    yield* await Promise.all(items);
  } finally {
    await Promise.all(all.map(async (opened) => 'handle' in opened && (await opened.handle.close())));
  }
}

/** The same for one file, read whole before anything else: for a thread of its own. */
export function readNow(file: FoundFile, roots: Roots): OpenedItem {
  const read = readFound(file.path, roots, LONGEST_TEXT_BYTES);
  if (typeof read === 'string') return { ...file, closed: read };
  return { ...file, size: read.size, beginning: read.bytes };
}

/** The tasks of a file; none where it is left out, which is counted in `skipped`. */
export async function* readFileItems(
  file: OpenedItem,
  { split_chars, skipped }: { split_chars: number | undefined; skipped: Skipped },
): AsyncGenerator<FileItem> {
  if (file.name.length > LONGEST_NAME) {
    yield longName(file);
    return;
  }
  if ('closed' in file) {
    skip(skipped, file.closed, file.name);
    return;
  }
  const kind = kindOf(file.path, file.beginning.subarray(0, SAMPLE_BYTES));
  if (kind.kind === 'skip') skip(skipped, kind.reason, file.name);
  else if (kind.kind !== 'text') {
    const item = await attached(file, kind);
    if (typeof item === 'string') skip(skipped, item, file.name);
    else yield item;
  } else yield* textItems(file, kind.encoding, split_chars, skipped);
}

/** A path that is too long for a task's id. */
function longName({ name }: FoundFile): FileItem {
  const problem = `its path has ${name.length} characters`;
  return { task_id: name, cells: {}, problem: { problem, valid: `at most ${LONGEST_NAME}` } };
}

/** The reason where the API can't open it. */
async function attached(
  file: FoundFile & OpenFile,
  kind: { kind: 'pdf' } | { kind: 'image'; media_type: string },
): Promise<FileItem | SkipReason> {
  const item = { task_id: file.name, cells: cellsOf(file) };
  if (file.size > LONGEST_ATTACHMENT_BYTES) {
    const problem = `is ${megabytes(file.size)}, more than a request can hold`;
    return { ...item, problem: { problem, valid: `at most ${megabytes(LONGEST_ATTACHMENT_BYTES)}` } };
  }
  const bytes = await wholeOf(file);
  if (kind.kind === 'pdf' && isEncrypted(bytes)) return 'locked';
  if (isCutOff(bytes)) return 'cut';
  const media_type = kind.kind === 'pdf' ? 'application/pdf' : kind.media_type;
  return { ...item, attachment: { kind: kind.kind, media_type, data: bytes.toString('base64') } };
}

async function wholeOf({ size, beginning, handle }: OpenFile): Promise<Buffer> {
  if (handle === undefined || beginning.length === size) return beginning;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}

async function* textItems(
  file: FoundFile & OpenFile,
  encoding: TextEncoding,
  split_chars: number | undefined,
  skipped: Skipped,
): AsyncGenerator<FileItem> {
  const item = { task_id: file.name, cells: cellsOf(file) };
  if (split_chars === undefined && file.size > LONGEST_TEXT_BYTES) {
    const problem = `is ${megabytes(file.size)} of text, more than a request can hold`;
    yield { ...item, problem: { problem, valid: 'split_chars, which cuts longer texts into parts' } };
    return;
  }
  const { handle, beginning } = file;
  const isWhole = handle === undefined || beginning.length === file.size;
  if (isWhole && encoding.name === 'utf-8' && split_chars === undefined) {
    const text = textOf(beginning.subarray(encoding.markBytes));
    if (text === null) skip(skipped, 'encoding', file.name);
    else if (text.trim() === '') skip(skipped, 'empty', file.name);
    else yield { ...item, text };
    return;
  }
  const pieces = textPieces({
    ...(isWhole ? { whole: beginning } : { handle }),
    encoding,
    returnsOnly: false,
  });
  let part = 0;
  try {
    let held: string | null = null;
    for await (const text of splitText(pieces, split_chars ?? Number.POSITIVE_INFINITY)) {
      // A part of blank lines is not worth reading.
      if (text.trim() === '') continue;
      // Only a second part shows that the first is a part.
      if (held !== null) yield partOf(item, ++part, held);
      held = text;
    }
    if (held === null) skip(skipped, 'empty', file.name);
    else yield part === 0 ? { ...item, text: held } : partOf(item, part + 1, held);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    if (part === 0) skip(skipped, 'encoding', file.name);
    else
      yield {
        ...item,
        problem: { problem: `is not UTF-8 after part ${part}`, valid: 'text saved as UTF-8' },
      };
  }
}

/** In one go, which takes a third of the time of a streaming decoder; null where it is not UTF-8. */
const textOf = (bytes: Buffer): string | null => (isUtf8(bytes) ? bytes.toString('utf8') : null);

function partOf({ task_id, cells }: { task_id: string; cells: Cells }, part: number, text: string): FileItem {
  return { task_id: `${task_id}#${part}`, cells: { ...cells, part }, text };
}
