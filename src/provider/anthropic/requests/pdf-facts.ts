import { sha256OfText } from '../../../lib/files/file-hash.ts';
import { isCutOff } from '../../../lib/media-end.ts';
import { isEncrypted, type PdfPages, pagesOf } from '../../../lib/pdf-pages.ts';

export type PdfFacts = PdfPages & { isLocked: boolean; isCutOff: boolean };

const MOST_KNOWN = 1_000;

/** By their hashes, for the PDFs themselves may be large; in the order of their first use. */
const known = new Map<string, PdfFacts>();

/** What a PDF in base64 is. One that stands in many requests is looked through once. */
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
