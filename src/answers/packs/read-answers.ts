import { ExactNumber, stringifyExact } from '../../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { PackedRow } from './expected-packs.ts';
import type { Document, DocumentReader } from './read-document.ts';

/** What the answer to a pack says of its rows. */
export type PackAnswers = {
  /** The answers by the rows' ids, as texts; null for a row that has several, which differ. */
  answers: ReadonlyMap<string, string | null>;
  /** Entries under no id of a row. */
  unknown: number;
};

/** More brackets than this in what stands around the answers are not looked at. */
const MOST_STARTS = 50;

/**
 * Reads the answer to a pack: `{"answers": [{"id", "answer"}]}`, or a list, an object by ids, flat entries; in a fenced block,
 * with prose around it, or cut off, of which the entries count that are whole. Null where it holds no such document, or
 * more than one: nothing is guessed.
 */
export function readAnswers(
  text: string,
  rows: readonly PackedRow[],
  read: DocumentReader,
): PackAnswers | null {
  const byId = new Map(rows.map((row) => [row.id, row]));
  let found: PackAnswers | null = null;
  let starts = 0;
  for (let at = nextStart(text, 0); at !== -1 && starts < MOST_STARTS; starts += 1) {
    const document = read(text, at);
    const entries = document && entriesOf(document, byId);
    const answers = entries && answersOf(entries, byId);
    if (answers !== null && found !== null) return null;
    found ??= answers;
    const isPassed = document !== null && (document.isWhole || answers !== null);
    at = nextStart(text, isPassed ? document.end : at + 1);
  }
  return found;
}

function nextStart(text: string, from: number): number {
  const next = text.slice(from).search(/[{[]/);
  return next === -1 ? -1 : from + next;
}

type Rows = ReadonlyMap<string, PackedRow>;
/** An entry that was read; the value is undefined where the entry says nothing that is an answer. */
type Entry = { id: string; value: string | undefined; isTwice?: boolean };

/** The entries of a document; null where it is none of the forms. */
function entriesOf(document: Document, rows: Rows): Entry[] | null {
  const holder = holderOf(document, rows);
  if (holder === null) return null;
  if (Array.isArray(holder)) {
    const list: readonly unknown[] = holder;
    return list.map((each) => listed(each, document, rows));
  }
  return Object.entries(holder).map(([id, value]) => ({
    id,
    value: textOf(value),
    isTwice: document.repeats(holder, id),
  }));
}

const ANSWERS = 'answers';

/** What holds the entries: a list, or an object that has them by their ids. */
function holderOf({ open, keys, isWhole, repeats }: Document, rows: Rows): unknown[] | JsonObject | null {
  const [root, next] = open;
  if (Array.isArray(root)) return root;
  if (!isJsonObject(root)) return null;
  if (repeats(root, ANSWERS)) return null;
  const isOpen = open.length > 1 && keys[0] === ANSWERS;
  const named = isOpen ? next : root[ANSWERS];
  if (Array.isArray(named) || (isJsonObject(named) && !rows.has(ANSWERS))) return asHolder(named);
  if (Object.keys(root).some((id) => rows.has(id))) return root;
  if (isWhole && rows.has(idOf(root.id) ?? '')) return [root];
  // Under another name, if it is the one thing there.
  const values = [...Object.values(root), ...(open.length > 1 ? [next] : [])];
  return values.length === 1 ? asHolder(values[0]) : null;
}

const asHolder = (value: unknown): unknown[] | JsonObject | null =>
  Array.isArray(value) ? value : isJsonObject(value) && !(value instanceof ExactNumber) ? value : null;

/** Numbers for ids, for models give those of rows that are called so. */
const idOf = (id: unknown): string | null =>
  typeof id === 'string'
    ? id
    : typeof id === 'number'
      ? String(id)
      : id instanceof ExactNumber
        ? id.source
        : null;

const NO_ROW: Entry = { id: '', value: undefined };

function listed(entry: unknown, { repeats }: Document, rows: Rows): Entry {
  if (!isJsonObject(entry) || repeats(entry, 'id')) return NO_ROW;
  const { id: given, ...said } = entry;
  const id = idOf(given) ?? '';
  const value = saidIn(said, rows.get(id)?.structured ?? false);
  return { id, value, isTwice: repeats(entry, 'answer') };
}

/** What an entry says beside its id: its answer, or all of it where the answer's own keys stand there. */
function saidIn(said: JsonObject, structured: boolean): string | undefined {
  const { answer, ...others } = said;
  const names = Object.keys(said);
  const hasAnswer = Object.hasOwn(said, 'answer');
  if (!structured) {
    const [only] = Object.values(said);
    return textOf(hasAnswer ? answer : names.length === 1 && typeof only === 'string' ? only : undefined);
  }
  const isAnswer = isJsonObject(answer) || (typeof answer === 'string' && /^\s*[{`]/.test(answer));
  if (hasAnswer && isAnswer && Object.keys(others).length === 0) return textOf(answer);
  return names.length === 0 ? undefined : textOf(said);
}

const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null
    ? undefined
    : typeof value === 'string'
      ? value
      : stringifyExact(value);

/** Null where none of the entries is a row's. */
function answersOf(entries: readonly Entry[], rows: Rows): PackAnswers | null {
  const answers = new Map<string, string | null>();
  let unknown = 0;
  let known = 0;
  for (const { id, value, isTwice } of entries) {
    if (!rows.has(id)) {
      unknown += 1;
      continue;
    }
    known += 1;
    if (value === undefined) continue;
    const before = answers.get(id);
    answers.set(id, isTwice || (before !== undefined && before !== value) ? null : value);
  }
  return known === 0 ? null : { answers, unknown };
}
