/** In pixels. */
type ImageSize = { width: number; height: number };

/** The size of a PNG, GIF, JPEG or WebP; null where the bytes don't tell. */
export function sizeOf(bytes: Buffer): ImageSize | null {
  const size = statedSize(bytes);
  // A height of 0 means that it follows after the picture, or not at all.
  return size === null || size.width === 0 || size.height === 0 ? null : size;
}

function statedSize(bytes: Buffer): ImageSize | null {
  if (bytes.length >= 24 && bytes.readUInt32BE(0) === 0x89504e47) {
    return bytes.toString('latin1', 12, 16) === 'IHDR'
      ? { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
      : null;
  }
  if (bytes.length >= 10 && bytes.toString('latin1', 0, 3) === 'GIF')
    return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  if (bytes.length >= 4 && bytes.readUInt16BE(0) === 0xffd8) return jpegSize(bytes);
  if (bytes.length >= 30 && bytes.toString('latin1', 8, 12) === 'WEBP') return webpSize(bytes);
  return null;
}

/** Markers of a JPEG that stand alone: TEM and RSTn. */
const isAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);

/** A frame header (SOFn) holds the size; the segments before it begin with their lengths. */
function jpegSize(bytes: Buffer): ImageSize | null {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    // Any number of bytes of ones may stand before a marker.
    if (marker === 0xff) at += 1;
    else at += isAlone(marker) ? 2 : 2 + bytes.readUInt16BE(at + 2);
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

/**
 * Whether a PNG, JPEG, WEBP or PDF certainly lacks its end, like an interrupted download: it can't be opened, or only
 * in part. Says nothing about other files, or about bytes after an end.
 */
export function isCutOff(bytes: Buffer): boolean {
  if (bytes.length >= 8 && bytes.readUInt32BE(0) === 0x89504e47) return !bytes.includes('IEND');
  if (bytes.length >= 4 && bytes.readUInt16BE(0) === 0xffd8) return isJpegCutOff(bytes);
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP')
    return bytes.readUInt32LE(4) + 8 > bytes.length;
  return bytes.subarray(0, 1024).includes('%PDF-') && isPdfCutOff(bytes);
}

/** As a JPEG's end is written, and a PNG's name of its last chunk. */
const USUAL_ENDS = [Buffer.from([0xff, 0xd9]), Buffer.from('IEND')];

/** Whether the last bytes of an image show that it is complete, so that the rest need not be examined. */
export const hasUsualEnd = (tail: Buffer): boolean => USUAL_ENDS.some((end) => tail.includes(end));

const SCAN = 0xda;
const END = 0xd9;

/**
 * Segments before the first scan begin with their lengths, and one may contain a thumbnail with an end of its own;
 * within scans the bytes of an end marker always are one (ITU T.81, B.1.1.5).
 */
function isJpegCutOff(bytes: Buffer): boolean {
  for (let at = 2; at < bytes.length; ) {
    // A file that is not strictly a JPEG may still be one to others.
    if (bytes[at] !== 0xff) return false;
    const marker = bytes[at + 1] ?? 0;
    if (marker === END) return false;
    if (marker === SCAN) return bytes.indexOf(Buffer.from([0xff, END]), at) === -1;
    if (marker === 0xff) at += 1;
    else if (isAlone(marker)) at += 2;
    else if (at + 3 < bytes.length) at += 2 + bytes.readUInt16BE(at + 2);
    else return true;
  }
  return true;
}

const OBJECT = /\d\s+\d+\s+obj\b/;

/**
 * A PDF ends with the place of its table of objects. One that was changed, or is made for the web, has several such
 * ends: no objects follow the last one (ISO 32000-1, 7.5.5, 7.5.6 and annex F).
 */
function isPdfCutOff(bytes: Buffer): boolean {
  const end = Math.max(bytes.lastIndexOf('startxref'), bytes.lastIndexOf('%%EOF'));
  return end === -1 || OBJECT.test(bytes.toString('latin1', end));
}
