import type { FileHandle } from 'node:fs/promises';
import { BatchError, type Problem } from '../../errors.ts';

/** How a text is written, as its first bytes tell. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

const READ_BYTES = 1024 * 1024;
/** What kind of file it is, and where its columns end, shows in so many bytes. */
const SAMPLE_BYTES = 64 * 1024;
const NEWLINE = 10;
const RETURN = 13;

const marks: [Encoding, number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

const AS_CSV = 'the sheet saved as CSV (UTF-8) or JSON';
const UNPACKED = 'the file that is packed in it';

/** Formats that are no text, whatever the file is called. */
const binaries: { name: string; starts: number[]; valid: string }[] = [
  {
    name: 'an Excel workbook, another Office file or a zip archive',
    starts: [0x50, 0x4b, 3, 4],
    valid: AS_CSV,
  },
  { name: 'an old Excel workbook or another Office file', starts: [0xd0, 0xcf, 0x11, 0xe0], valid: AS_CSV },
  { name: 'packed with gzip', starts: [0x1f, 0x8b], valid: UNPACKED },
  { name: 'packed with zstd', starts: [0x28, 0xb5, 0x2f, 0xfd], valid: UNPACKED },
  { name: 'a Parquet file', starts: [...Buffer.from('PAR1')], valid: 'the table saved as CSV or JSON lines' },
  { name: 'a database', starts: [...Buffer.from('SQLite format 3')], valid: 'the table saved as CSV' },
  { name: 'a PDF', starts: [...Buffer.from('%PDF-')], valid: 'a table; PDFs themselves go into input_files' },
];

const beginsWith = (bytes: Uint8Array, start: readonly number[]) =>
  start.every((byte, index) => bytes[index] === byte);

/** A file that can't be read as what it is given for: nothing was sent. */
export function unreadable(field: string, problem: Pick<Problem, 'problem' | 'valid'>): BatchError {
  return new BatchError('invalid_input', `${field} can't be read; nothing was sent.`, {
    problems: [{ field, ...problem }],
  });
}

/** UTF-16 without a mark shows in Latin text: every other byte is zero. */
function unmarkedUtf16(bytes: Uint8Array): Encoding | null {
  const pairs = Math.min(32, Math.floor(bytes.length / 2));
  let low = 0;
  let high = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    if (bytes[2 * pair] === 0) high += 1;
    if (bytes[2 * pair + 1] === 0) low += 1;
  }
  if (pairs > 0 && low === pairs && high === 0) return 'utf-16le';
  if (pairs > 0 && high === pairs && low === 0) return 'utf-16be';
  return null;
}

/** A text file as it begins. */
export type TextFile = {
  handle: FileHandle;
  encoding: Encoding;
  /** Bytes of the byte order mark. */
  markBytes: number;
  /** Whether carriage returns alone end its lines, as on old Macs. */
  returnsOnly: boolean;
};

/** Looks at how an open file begins. Throws `invalid_input` where it is empty, or no text. */
export async function sniffText(handle: FileHandle, field: string): Promise<TextFile> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
  const bytes = buffer.subarray(0, bytesRead);
  const mark = marks.find(([, start]) => beginsWith(bytes, start));
  const markBytes = mark?.[1].length ?? 0;
  if (bytes.length === markBytes) throw unreadable(field, { problem: 'is empty', valid: 'a file with rows' });
  const returnsOnly = bytes.includes(RETURN) && !bytes.includes(NEWLINE);
  if (mark !== undefined) return { handle, encoding: mark[0], markBytes, returnsOnly };
  const binary = binaries.find(({ starts }) => beginsWith(bytes, starts));
  if (binary) throw unreadable(field, { problem: `is ${binary.name}`, valid: binary.valid });
  const utf16 = unmarkedUtf16(bytes);
  if (utf16 === null && bytes.includes(0)) {
    throw unreadable(field, { problem: 'holds zero bytes, so it is no text', valid: 'a text file in UTF-8' });
  }
  return { handle, encoding: utf16 ?? 'utf-8', markBytes, returnsOnly };
}

/**
 * The text as UTF-8, without its byte order mark, its lines ended by newlines, in pieces of about a megabyte; from its
 * character `skip` on.
 */
export async function* utf8Pieces(file: TextFile, skip = 0): AsyncGenerator<Uint8Array> {
  const { handle, encoding, markBytes, returnsOnly } = file;
  const start = markBytes + skip * (encoding === 'utf-8' ? 1 : 2);
  const pieces = piecesOf(handle, start);
  for await (const piece of encoding === 'utf-8' ? pieces : recoded(pieces, encoding)) {
    yield returnsOnly ? piece.map((byte) => (byte === RETURN ? NEWLINE : byte)) : piece;
  }
}

/** Through the handle that was checked; a path could be swapped in between. A stream would close it for the next look. */
async function* piecesOf(handle: FileHandle, start: number): AsyncGenerator<Uint8Array> {
  for (let position = start; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* recoded(pieces: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding);
  const encoder = new TextEncoder();
  for await (const piece of pieces) yield encoder.encode(decoder.decode(piece, { stream: true }));
  yield encoder.encode(decoder.decode());
}

/** As `utf8Pieces`, as text. Throws `invalid_input` at a byte that is not UTF-8. */
export async function* textPieces(file: TextFile, field: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const piece of utf8Pieces(file)) yield decoder.decode(piece, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (error instanceof TypeError) throw notUtf8(field);
    throw error;
  }
}

/** `where` says what was read as something else, as in `row 4`. */
export function notUtf8(field: string, where?: string): BatchError {
  const problem = `is not UTF-8${where === undefined ? '' : ` in ${where}`}`;
  return unreadable(field, { problem, valid: 'a file saved as UTF-8 (in Excel: "CSV UTF-8")' });
}
