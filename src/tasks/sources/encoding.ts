/** How a text is written, as its first bytes tell. */
export type TextEncoding = {
  name: 'utf-8' | 'utf-16le' | 'utf-16be';
  /** Bytes of its byte order mark. */
  markBytes: number;
};

const marks: [TextEncoding['name'], number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

const UNPACKED = 'the file unpacked (gunzip, unzstd)';
const ROWS = 'its rows as .csv or .jsonl';

/** What Git keeps in place of a large file until it is fetched (the specification of Git LFS pointers). */
const LFS_POINTER = [...Buffer.from('version https://git-lfs.github.com/spec/')];

/** Formats that could pass for text, or deserve a message of their own. */
const binaries: { name: string; starts: number[]; valid?: string }[] = [
  { name: 'text in UTF-32', starts: [0xff, 0xfe, 0, 0] },
  { name: 'text in UTF-32', starts: [0, 0, 0xfe, 0xff] },
  { name: 'an Excel workbook, another Office file or a zip archive', starts: [0x50, 0x4b, 3, 4] },
  { name: 'an old Excel workbook or another Office file', starts: [0xd0, 0xcf, 0x11, 0xe0] },
  { name: 'compressed with gzip', starts: [0x1f, 0x8b], valid: UNPACKED },
  { name: 'compressed with zstd', starts: [0x28, 0xb5, 0x2f, 0xfd], valid: UNPACKED },
  { name: 'a Parquet file', starts: [...Buffer.from('PAR1')], valid: ROWS },
  { name: 'an SQLite database', starts: [...Buffer.from('SQLite format 3')], valid: ROWS },
  { name: 'a PDF', starts: [...Buffer.from('%PDF-')] },
  {
    name: 'a pointer of Git LFS, not the file itself',
    starts: LFS_POINTER,
    valid: 'the file itself (git lfs pull)',
  },
];

const beginsWith = (bytes: Uint8Array, start: readonly number[]) =>
  start.every((byte, index) => bytes[index] === byte);

export const isLfsPointer = (bytes: Uint8Array): boolean => beginsWith(bytes, LFS_POINTER);

/** What a file that is not text is, in words, and what to do with it if anything; null where it begins like no known format. */
export function binaryOf(bytes: Uint8Array): { name: string; valid?: string } | null {
  return binaries.find(({ starts }) => beginsWith(bytes, starts)) ?? null;
}

/** Fewer could look like that by chance. */
const FEWEST_PAIRS = 4;

/** UTF-16 without a mark shows in Latin text: every other byte is zero. */
function unmarkedUtf16(bytes: Uint8Array): TextEncoding['name'] | null {
  const pairs = Math.min(32, Math.floor(bytes.length / 2));
  let low = 0;
  let high = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    if (bytes[2 * pair] === 0) high += 1;
    if (bytes[2 * pair + 1] === 0) low += 1;
  }
  if (pairs < FEWEST_PAIRS) return null;
  if (low === pairs && high === 0) return 'utf-16le';
  if (high === pairs && low === 0) return 'utf-16be';
  return null;
}

/** The encoding of a text that begins with these bytes; null where they are not those of a text. */
export function encodingOf(bytes: Uint8Array): TextEncoding | null {
  if (binaryOf(bytes) !== null) return null;
  const mark = marks.find(([, start]) => beginsWith(bytes, start));
  if (mark !== undefined) return { name: mark[0], markBytes: mark[1].length };
  const utf16 = unmarkedUtf16(bytes);
  if (utf16 !== null) return { name: utf16, markBytes: 0 };
  return bytes.includes(0) ? null : { name: 'utf-8', markBytes: 0 };
}
