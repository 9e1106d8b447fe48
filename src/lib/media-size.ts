import { inflateSync } from 'node:zlib';

/** In pixels. */
export type ImageSize = { width: number; height: number };

/** The size of a PNG, GIF, JPEG or WebP; null where the bytes don't tell. */
export function sizeOf(bytes: Buffer): ImageSize | null {
  if (bytes.length >= 24 && bytes.readUInt32BE(0) === 0x89504e47)
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  if (bytes.length >= 10 && bytes.toString('latin1', 0, 3) === 'GIF')
    return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  if (bytes.length >= 4 && bytes.readUInt16BE(0) === 0xffd8) return jpegSize(bytes);
  if (bytes.length >= 30 && bytes.toString('latin1', 8, 12) === 'WEBP') return webpSize(bytes);
  return null;
}

/** A frame header (SOFn) holds the size; what stands before it has its length in front. */
function jpegSize(bytes: Buffer): ImageSize | null {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}

function webpSize(bytes: Buffer): ImageSize | null {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    default:
      return null;
  }
}

const ENCRYPT = /\/Encrypt\s+(\d+\s+\d+\s+R|<<)/;

/** Whether a PDF says in its trailer that what it holds is encrypted (ISO 32000-1, 7.6.1). */
export const isEncrypted = (pdf: Buffer): boolean =>
  pdf.includes('/Encrypt') && ENCRYPT.test(pdf.toString('latin1'));

/** The densest PDFs, of text alone, have about a page in a kilobyte. */
const LEAST_PAGE_BYTES = 1_000;

/** Of a page tree's nodes the one with the most pages below it is the root. */
const PAGE_COUNT = /\/Count\s+(\d{1,7})/g;
const PAGE = /\/Type\s*\/Page(?![a-zA-Z])/g;
const STREAM = /\/Type\s*\/ObjStm[\s\S]{0,400}?stream\r?\n/g;
const MOST_INFLATED_BYTES = 50_000_000;

/**
 * The pages of a PDF: as many as its page tree counts or as it has page objects, whichever is more, also within compressed
 * object streams; a high guess by its size where neither is found, and nothing `isCounted`.
 */
export function pagesOf(pdf: Buffer): { pages: number; isCounted: boolean } {
  const text = pdf.toString('latin1');
  let pages = countIn(text);
  for (const { index, 0: head } of text.matchAll(STREAM))
    pages = Math.max(pages, countIn(inflated(pdf.subarray(index + head.length))));
  return pages > 0
    ? { pages, isCounted: true }
    : { pages: Math.max(1, Math.ceil(pdf.length / LEAST_PAGE_BYTES)), isCounted: false };
}

function countIn(text: string): number {
  const counted = [...text.matchAll(PAGE_COUNT)].map(([, count]) => Number(count));
  return Math.max(0, text.match(PAGE)?.length ?? 0, ...counted);
}

/** Empty for what is compressed in another way: the size then has to tell. */
function inflated(bytes: Buffer): string {
  try {
    return inflateSync(bytes, { maxOutputLength: MOST_INFLATED_BYTES, finishFlush: 2 }).toString('latin1');
  } catch {
    return '';
  }
}
