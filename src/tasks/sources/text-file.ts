import type { FileHandle } from 'node:fs/promises';
import { BatchError, hasErrorCode, type Problem } from '../../errors.ts';
import { binaryOf, encodingOf, type TextEncoding } from './encoding.ts';

const READ_BYTES = 512 * 1024;
/** This many bytes show what a file is, and where its columns end. */
export const SAMPLE_BYTES = 64 * 1024;
const NEWLINE = 10;
const RETURN = 13;

/** A text file, open or with all that it holds. */
export type TextFile = ({ handle: FileHandle } | { whole: Buffer }) & {
  encoding: TextEncoding;
  /** Whether carriage returns alone end its lines, as on old Macs. */
  returnsOnly: boolean;
};

/** A file that can't be read as what it should be: nothing was sent. */
export function unreadable(field: string, problem: Pick<Problem, 'problem' | 'valid'>): BatchError {
  return new BatchError('invalid_input', `${field} can't be read; nothing was sent.`, {
    problems: [{ field, ...problem }],
  });
}

const SAVED = 'a file saved as UTF-8 (in Excel: "CSV UTF-8")';

/** `where` says what was read as something else, as in `row 4`. */
export function notUtf8(field: string, where: string): BatchError {
  return unreadable(field, { problem: `is not UTF-8 in ${where}`, valid: SAVED });
}

export const isDecodingError = (error: unknown): boolean =>
  hasErrorCode(error, 'ERR_ENCODING_INVALID_ENCODED_DATA');

/** The error for a byte that is not in the file's encoding. */
export function notDecoded(field: string, { encoding }: Pick<TextFile, 'encoding'>): BatchError {
  return unreadable(field, { problem: `is not ${encoding.name.toUpperCase()} throughout`, valid: SAVED });
}

/** How a file of `size` bytes begins. */
export async function beginningOf(handle: FileHandle, size: number): Promise<Buffer> {
  const most = Math.min(SAMPLE_BYTES, size + 1);
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(most), 0, most, 0);
  return buffer.subarray(0, bytesRead);
}

/** Looks at how an open file begins. Throws `invalid_input` where it is empty, or not text. */
export async function openText(handle: FileHandle, field: string): Promise<TextFile> {
  const bytes = await beginningOf(handle, SAMPLE_BYTES);
  const encoding = encodingOf(bytes);
  if (encoding === null) {
    const binary = binaryOf(bytes);
    const problem = `is ${binary?.name ?? 'no text: it holds zero bytes'}`;
    throw unreadable(field, {
      problem,
      valid:
        binary?.valid ?? 'a text file in UTF-8: a sheet saved as CSV; PDFs and images go into input_files',
    });
  }
  if (bytes.length === encoding.markBytes) {
    throw unreadable(field, { problem: 'is empty', valid: 'a file with rows' });
  }
  return { handle, encoding, returnsOnly: bytes.includes(RETURN) && !bytes.includes(NEWLINE) };
}

/**
 * The text as UTF-8, without its byte order mark, its lines ended by newlines, in pieces of about half a megabyte; from its
 * character `skip` on. Throws `TypeError` at what should be UTF-16 and is not; the bytes of UTF-8 are passed on as they are.
 */
export async function* utf8Pieces(file: TextFile, skip = 0): AsyncGenerator<Uint8Array> {
  const { encoding, returnsOnly } = file;
  const isUtf8 = encoding.name === 'utf-8';
  const pieces = piecesOf(file, encoding.markBytes + skip * (isUtf8 ? 1 : 2));
  for await (const piece of isUtf8 ? pieces : recoded(pieces, encoding)) {
    yield returnsOnly ? piece.map((byte) => (byte === RETURN ? NEWLINE : byte)) : piece;
  }
}

/** Through the handle that was checked, as a path could be swapped; a stream would close it. */
async function* piecesOf(file: TextFile, start: number): AsyncGenerator<Uint8Array> {
  if ('whole' in file) {
    yield file.whole.subarray(start);
    return;
  }
  const { handle } = file;
  for (let position = start; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A text in UTF-16 as UTF-8, without its byte order mark. Throws as `utf8Pieces` does. */
export async function* recoded(
  pieces: AsyncIterable<Uint8Array>,
  { name }: TextEncoding,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(name, { fatal: true });
  const encoder = new TextEncoder();
  for await (const piece of pieces) yield encoder.encode(decoder.decode(piece, { stream: true }));
  yield encoder.encode(decoder.decode());
}

/** As `utf8Pieces`, as text. Throws `TypeError` at a byte that is not UTF-8. */
export async function* textPieces(file: TextFile): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const piece of utf8Pieces(file)) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

/** Where to cut a text so that its beginning has at most this many characters: after a line, else a blank, else anywhere. */
function cutOf(text: string, most: number): number {
  const line = text.lastIndexOf('\n', most - 1) + 1;
  if (line > 0) return line;
  const blank = text.lastIndexOf(' ', most - 1) + 1;
  if (blank > 0) return blank;
  // Never within a character of two units, nor within a line end of two.
  const last = text.charCodeAt(most - 1);
  const isHalf = (last >= 0xd800 && last < 0xdc00) || (last === RETURN && text.charCodeAt(most) === NEWLINE);
  return isHalf && most > 1 ? most - 1 : isHalf ? most + 1 : most;
}

/**
 * Cuts a text at line ends into parts of at most `most` characters; a line that is longer is cut at a blank, or where it
 * must be. The parts put together are the text.
 */
export async function* splitText(pieces: AsyncIterable<string>, most: number): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    rest += piece;
    while (rest.length > most) {
      const cut = cutOf(rest, most);
      yield rest.slice(0, cut);
      rest = rest.slice(cut);
    }
  }
  if (rest !== '') yield rest;
}
