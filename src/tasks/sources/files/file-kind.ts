import path from 'node:path';
import { encodingOf, isLfsPointer, type TextEncoding } from '../encoding.ts';
import { holdsPrivateKey, type SkipReason } from './skipped.ts';

/** What a file is by its first bytes, whatever its name. */
export type FileKind =
  | { kind: 'text'; encoding: TextEncoding }
  | { kind: 'pdf' }
  | { kind: 'image'; media_type: string }
  | { kind: 'skip'; reason: SkipReason };

const OFFICE = new Set(
  '.docx .doc .xlsx .xls .xlsm .pptx .ppt .odt .ods .odp .numbers .pages .epub'.split(' '),
);

const startsWith = (bytes: Buffer, start: string, at = 0) =>
  bytes.subarray(at, at + start.length).toString('latin1') === start;

/** The kinds of images that the API takes (Vision documentation). */
function imageType(bytes: Buffer): string | null {
  if (startsWith(bytes, '\x89PNG\r\n\x1a\n')) return 'image/png';
  if (startsWith(bytes, '\xff\xd8\xff')) return 'image/jpeg';
  if (startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a')) return 'image/gif';
  if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return 'image/webp';
  return null;
}

/** TIFF, HEIC and AVIF, Windows bitmaps and icons, Photoshop. */
function isOtherImage(bytes: Buffer): boolean {
  const isBitmap = startsWith(bytes, 'BM') && bytes.subarray(6, 10).equals(Buffer.alloc(4));
  return (
    isBitmap ||
    startsWith(bytes, 'II*\0') ||
    startsWith(bytes, 'MM\0*') ||
    startsWith(bytes, '8BPS') ||
    startsWith(bytes, '\0\0\x01\0') ||
    /^ftyp(hei[cfsx]|hevc|mif1|msf1|avi[fs])/.test(bytes.subarray(4, 12).toString('latin1'))
  );
}

/** Zip archives and the older compound files, which Office keeps its documents in. */
const isOffice = (file: string, bytes: Buffer) =>
  OFFICE.has(path.extname(file).toLowerCase()) &&
  (startsWith(bytes, 'PK\x03\x04') || startsWith(bytes, '\xd0\xcf\x11\xe0'));

/** Some kilobytes suffice: a PDF may have other bytes before it (ISO 32000-1, annex H). */
export function kindOf(file: string, bytes: Buffer): FileKind {
  if (bytes.length === 0) return { kind: 'skip', reason: 'empty' };
  if (bytes.subarray(0, 1024).includes('%PDF-')) return { kind: 'pdf' };
  const media_type = imageType(bytes);
  if (media_type !== null) return { kind: 'image', media_type };
  if (isOtherImage(bytes)) return { kind: 'skip', reason: 'image' };
  if (isOffice(file, bytes)) return { kind: 'skip', reason: 'office' };
  if (isLfsPointer(bytes)) return { kind: 'skip', reason: 'pointer' };
  const encoding = encodingOf(bytes);
  if (encoding === null) return { kind: 'skip', reason: 'binary' };
  if (holdsPrivateKey(bytes.toString('latin1'))) return { kind: 'skip', reason: 'key' };
  return { kind: 'text', encoding };
}
