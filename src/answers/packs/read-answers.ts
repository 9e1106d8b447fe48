import type { PackedRow } from './expected-packs.ts';
import { createRows, type Entry, isAsAsked, isAskedAlone, packEntries } from './pack-entries.ts';
import { type DocumentReader, endOfDocument } from './read-document.ts';

/** What the answer to a pack says about its rows. */
type PackAnswers = {
  /** The answers by the rows' ids, as texts; null for a row with several different ones. */
  answers: ReadonlyMap<string, string | null>;
  /** How many entries have no row's id. */
  unknown: number;
};

/** How many brackets in the text around the answers are looked at. */
const MOST_STARTS = 50;

/**
 * Reads the answer to a pack: `{"answers": [{"id", "answer"}]}`, or a list, an object by ids, flat entries; in a fenced block,
 * with prose around it, or cut off, in which case the complete entries count. Null if it holds no such document, or more than
 * one: nothing is guessed. After a broken document only one in the requested form is read, and nothing inside the broken one:
 * parts of a row's answer could look like entries for other rows there.
 */
export function readAnswers(
  text: string,
  packed: readonly PackedRow[],
  read: DocumentReader,
): PackAnswers | null {
  const rows = createRows(packed);
  let found: Found | null = null;
  let isBroken = false;
  let starts = 0;
  for (let at = nextStart(text, 0); at !== -1 && starts < MOST_STARTS; starts += 1) {
    const document = read(text, at);
    const asked = document !== null && isAsAsked(document);
    const entries: Entry[] | null =
      document === null || (isBroken && !isAskedAlone(document)) ? null : packEntries(document, rows);
    const answers: Found | null = entries && answersOf(entries, rows.has);
    const isMeant: boolean = asked || (answers !== null && answers.known > 0);
    if (isMeant && found !== null) return null;
    if (isMeant) found = answers ?? NOTHING;
    if (document !== null && (document.isWhole || isMeant)) {
      at = nextStart(text, document.end);
      continue;
    }
    const end = endOfDocument(text, at);
    const isProse = isProseAt(text, at, end);
    // After a draft, the unreadable document may be the final one.
    if (found !== null && !isProse) return null;
    isBroken ||= end === null || !isProse;
    at = isProse ? nextStart(text, at + 1) : end === null ? -1 : nextStart(text, end);
  }
  return found === null || found.known === 0 ? null : found;
}

/** What a document says; `known` is how many of its entries name a row. */
type Found = PackAnswers & { known: number };

const NOTHING: Found = { answers: new Map(), unknown: 0, known: 0 };

/** A bracket followed by a bracket, a quoted text or a key: JSON, or an attempt at it. */
const STRUCTURE = /[{[]\s*(?:["{[]|[\w$]+\s*:)/y;

/** Whether a bracket that begins no document, and is closed at `end` if at all, belongs to a sentence. */
function isProseAt(text: string, at: number, end: number | null): boolean {
  if (end !== null) return !text.slice(at, end).includes('"');
  STRUCTURE.lastIndex = at;
  return !STRUCTURE.test(text);
}

function nextStart(text: string, from: number): number {
  const next = text.slice(from).search(/[{[]/);
  return next === -1 ? -1 : from + next;
}

function answersOf(entries: readonly Entry[], isRow: (id: string) => boolean): Found {
  const answers = new Map<string, string | null>();
  let unknown = 0;
  for (const { id, value, isTwice } of entries) {
    if (id === null || !isRow(id)) unknown += 1;
    else if (value !== undefined) {
      const before = answers.get(id);
      answers.set(id, isTwice || (before !== undefined && before !== value) ? null : value);
    }
  }
  return { answers, unknown, known: entries.length - unknown };
}
