import { isEncrypted, type PdfPages, pagesOf } from '../../../lib/pdf-pages.ts';

export type PdfFacts = PdfPages & { isLocked: boolean };

/** So much of the base64 of PDFs seen last is held: all that `context_files` may have, which every request holds. */
const MOST_CHARACTERS = 45_000_000;

/** In the order of their first use. */
const known = new Map<string, PdfFacts>();
let characters = 0;

/** What a PDF in base64 is. One that stands in many requests is looked through once. */
export function pdfFacts(base64: string): PdfFacts {
  const found = known.get(base64);
  if (found !== undefined) return found;
  const pdf = Buffer.from(base64, 'base64');
  const facts = { ...pagesOf(pdf), isLocked: isEncrypted(pdf) };
  known.set(base64, facts);
  characters += base64.length;
  for (const [oldest] of known) {
    if (characters <= MOST_CHARACTERS) break;
    known.delete(oldest);
    characters -= oldest.length;
  }
  return facts;
}
