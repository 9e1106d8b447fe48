import { describe, expect, it } from 'vitest';
import { hasUsualEnd, isCutOff } from '../../src/lib/media.ts';

const hex = (...pieces: string[]) => Buffer.from(pieces.join('').replaceAll(' ', ''), 'hex');
const HEAD = '89504e470d0a1a0a 0000000d 49484452 0000000100000001080600000000000000';
const IDAT = '0000000d 49444154 789c6364f8cf500f00038601805a';
const IEND = '00000000 49454e44 ae426082';
/** A segment with a small picture in it, which has an end. */
const EXIF = 'ffe1 000a 45786966 ffd8ffd9';
const FRAME = 'ffc0 000b 08 0040 0040 01 01 11 00';
const SCAN = 'ffda 0008 01 01 00 00 3f 00';
const DATA = '11223344ff00556677'.repeat(40);

const OBJECTS =
  '1 0 obj\n<</Type/Catalog>>\nendobj\n2 0 obj\n<</Length 9>>\nstream\n%%not an\nendstream\nendobj\n';
const TAIL = 'xref\n0 3\ntrailer\n<</Root 1 0 R>>\nstartxref\n99\n%%EOF\n';
const pdf = (...pieces: string[]) => Buffer.from(`%PDF-1.7\n${pieces.join('')}`);

describe('a file', () => {
  it.each<[what: string, file: Buffer, isCut: boolean]>([
    ['a PNG', hex(HEAD, IDAT, IEND), false],
    ['a PNG in the middle of its data', hex(HEAD, IDAT).subarray(0, -5), true],
    ['a PNG without its last chunk', hex(HEAD, IDAT), true],
    ['a PNG with other bytes behind it', hex(HEAD, IDAT, IEND, '00'.repeat(500)), false],
    ['a JPEG', hex('ffd8', EXIF, FRAME, SCAN, DATA, 'ffd9'), false],
    ['a JPEG in the middle of its data', hex('ffd8', EXIF, FRAME, SCAN, DATA), true],
    ['a JPEG in the middle of a segment', hex('ffd8', EXIF, 'ffe2 0fff 0102'), true],
    ['a JPEG before its frame', hex('ffd8', EXIF), true],
    ['a JPEG in two scans', hex('ffd8', FRAME, SCAN, DATA, 'ffc4 0003 00', SCAN, DATA, 'ffd9'), false],
    [
      'a JPEG with fill bytes and other bytes behind it',
      hex('ffd8ffff', EXIF.slice(2), SCAN, 'ffd9 00'),
      false,
    ],
    ['what only begins as a JPEG', hex('ffd8 ff e0 0003 00 1234'), false],
    ['a WEBP', hex('52494646 08000000 57454250 56503820'), false],
    ['a WEBP that says it is longer', hex('52494646 09000000 57454250 56503820'), true],
    ['a PDF', pdf(OBJECTS, TAIL), false],
    ['a PDF in the middle of its objects', pdf(OBJECTS), true],
    ['a PDF in the middle of its last line', pdf(OBJECTS, TAIL).subarray(0, -6), false],
    ['a PDF without a line end', pdf(OBJECTS, TAIL.trimEnd()), false],
    ['a PDF with zeros behind it', Buffer.concat([pdf(OBJECTS, TAIL), Buffer.alloc(5_000)]), false],
    ['a PDF with a page of HTML behind it', pdf(OBJECTS, TAIL, '<html>'.repeat(1_000)), false],
    ['a PDF that was changed', pdf(OBJECTS, TAIL, OBJECTS, TAIL), false],
    ['a PDF made for the web that broke off', pdf(OBJECTS, TAIL, OBJECTS), true],
    ['a PDF behind other bytes', Buffer.concat([Buffer.from('junk\n'), pdf(OBJECTS)]), true],
    ['a GIF without its end', Buffer.from('GIF89a\u0001'), false],
    ['a text', Buffer.from('not %P'), false],
    ['nothing', Buffer.alloc(0), false],
  ])('%s', (_what, file, isCut) => {
    expect(isCutOff(file)).toBe(isCut);
  });

  it('says by its last bytes that it is whole', () => {
    expect(hasUsualEnd(hex(IDAT, IEND))).toBe(true);
    expect(hasUsualEnd(hex(DATA, 'ffd9'))).toBe(true);
    expect(hasUsualEnd(hex(DATA))).toBe(false);
  });
});
