import { inflateSync } from 'node:zlib';
import { sha256OfText } from './files/file-hash.ts';
import { isCutOff } from './media.ts';

const ENCRYPT = /\/Encrypt\s+(\d+\s+\d+\s+R|<<)/;

/** Whether a PDF says in its trailer that it is encrypted (ISO 32000-1, 7.6.1). */
export const isEncrypted = (pdf: Buffer): boolean =>
  pdf.includes('/Encrypt') && ENCRYPT.test(pdf.toString('latin1'));

/** The densest PDFs, with only text, have about a page per kilobyte. */
const LEAST_PAGE_BYTES = 1_000;
const MOST_INFLATED_BYTES = 50_000_000;

type PdfPages = {
  pages: number;
  /** False for a high estimate from the file's size, where its objects can't be read. */
  isCounted: boolean;
};

/**
 * The pages of a PDF by its page tree, its linearization header or its page objects, whichever gives most; also
 * within compressed object streams. The data of other streams is ignored.
 */
export function pagesOf(pdf: Buffer): PdfPages {
  const { objects, unread } = objectsOf(pdf);
  let stated = 0;
  let found = 0;
  for (const text of objects) {
    stated = Math.max(stated, statedIn(text));
    found += text.match(PAGE)?.length ?? 0;
  }
  if (stated > 0 || (found > 0 && unread === 0)) return { pages: Math.max(stated, found), isCounted: true };
  return { pages: Math.max(1, found, Math.ceil(pdf.length / LEAST_PAGE_BYTES)), isCounted: false };
}

const PAGE = /\/Type\s*\/Page(?![a-zA-Z])/g;
const SPACE = String.raw`(?:\s|%[^\r\n]*[\r\n])`;
/** A number, but not a reference to an object. */
const COUNT = new RegExp(String.raw`/Count${SPACE}+\+?(\d{1,7})(?!\d|${SPACE}+\d+${SPACE}+R)`, 'g');
/** The dictionary that a linearized file begins with. */
const LINEARIZED = /<<[^>]*\/Linearized[^>]*>>/g;
const LINEARIZED_PAGES = /\/N\s+(\d{1,7})/;
/** How to recognize a node of the page tree, and an entry of the outline, which has counts, too. */
const NODE = /\/Kids\b|\/Type\s*\/Pages\b/;
const OUTLINE = /\/(?:Outlines|Title|First|Last|Next|Prev)\b/;

/** The node of the tree with the most pages below it is the root. */
function statedIn(text: string): number {
  let most = 0;
  for (const [dictionary] of text.matchAll(LINEARIZED))
    most = Math.max(most, Number(LINEARIZED_PAGES.exec(dictionary)?.[1] ?? 0));
  for (const { index, 1: count } of text.matchAll(COUNT)) {
    const dictionary = text.slice(Math.max(0, text.lastIndexOf('<<', index)), endOf(text, '>>', index));
    if (NODE.test(dictionary) || !OUTLINE.test(dictionary)) most = Math.max(most, Number(count));
  }
  return most;
}

const endOf = (text: string, end: string, from: number) => {
  const at = text.indexOf(end, from);
  return at === -1 ? text.length : at;
};

const STREAM = 'stream';
const OBJECT_STREAM = /\/Type\s*\/ObjStm/;

/** The text of a file's objects: what stands outside its streams, and what its object streams hold; how many of these can't be read. */
function objectsOf(pdf: Buffer): { objects: string[]; unread: number } {
  const text = pdf.toString('latin1');
  const objects: string[] = [];
  let outside = '';
  let unread = 0;
  let from = 0;
  for (let at = text.indexOf(STREAM); at !== -1; at = text.indexOf(STREAM, Math.max(from, at + 1))) {
    const [lineEnd] = /^(?:\r\n|\n|\r)/.exec(text.slice(at + STREAM.length, at + STREAM.length + 2)) ?? [];
    const end = text.indexOf(`end${STREAM}`, at);
    if (lineEnd === undefined || end === -1) continue;
    const before = text.slice(from, at);
    const dictionary = before.slice(before.lastIndexOf('obj') + 1);
    if (OBJECT_STREAM.test(dictionary)) {
      const held = inflated(pdf.subarray(at + STREAM.length + lineEnd.length, end), dictionary);
      if (held === null) unread += 1;
      else objects.push(held);
    }
    outside += `${before} `;
    from = end + STREAM.length + 'end'.length;
  }
  return { objects: [...objects, outside + text.slice(from)], unread };
}

/** Null for streams that are compressed in another way, or encrypted. */
function inflated(bytes: Buffer, dictionary: string): string | null {
  if (!dictionary.includes('/Filter')) return bytes.toString('latin1');
  try {
    return inflateSync(bytes, { maxOutputLength: MOST_INFLATED_BYTES, finishFlush: 2 }).toString('latin1');
  } catch {
    return null;
  }
}

type PdfFacts = PdfPages & { isLocked: boolean; isCutOff: boolean };

const MOST_KNOWN = 1_000;

/** By hash, since the PDFs themselves may be large; in the order of their first use. */
const known = new Map<string, PdfFacts>();

/** Facts about a PDF in base64. One that is in many requests is examined once. */
export function pdfFacts(base64: string): PdfFacts {
  const hash = sha256OfText(base64);
  const found = known.get(hash);
  if (found !== undefined) return found;
  const pdf = Buffer.from(base64, 'base64');
  const facts = { ...pagesOf(pdf), isLocked: isEncrypted(pdf), isCutOff: isCutOff(pdf) };
  known.set(hash, facts);
  const [oldest] = known.keys();
  if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
  return facts;
}
