import { ExactNumber, stringifyExact } from '../../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { PackedRow } from './expected-packs.ts';
import type { Document } from './read-document.ts';

/** The rows of a pack, to be found by what an answer calls them. */
type Rows = {
  has: (id: string) => boolean;
  isStructured: (id: string) => boolean;
  /** The id that a JSON value stands for; null if it is no id, or could be that of several rows. */
  idOf: (value: unknown) => string | null;
};

/** Models write ids that look like numbers as numbers, without leading zeros. */
const asNumber = (id: string): string => id.replace(/^(-?)0+(?=\d)/, '$1');

export function createRows(packed: readonly PackedRow[]): Rows {
  const byId = new Map(packed.map((row) => [row.id, row]));
  const byNumber = new Map<string, string | null>();
  for (const { id } of packed) {
    const number = asNumber(id);
    byNumber.set(number, byNumber.has(number) ? null : id);
  }
  return {
    has: (id) => byId.has(id),
    isStructured: (id) => byId.get(id)?.structured ?? false,
    idOf(value) {
      // None of our ids has spaces around it.
      if (typeof value === 'string') return value.trim();
      const number =
        value instanceof ExactNumber ? value.source : typeof value === 'number' ? `${value}` : '';
      return byNumber.get(asNumber(number)) ?? null;
    },
  };
}

/**
 * An entry that was read: `id` is null if it names no row, `value` is undefined if the entry holds no answer.
 */
export type Entry = { id: string | null; value: string | undefined; isTwice?: boolean };

const ANSWERS = 'answers';

/** The keys of an entry. A row with such an id can't be told from an entry whose id has another key. */
const ENTRY_KEYS = new Set(['id', 'answer']);

/** What models call the list of answers when they don't use the name that they were asked to use. */
const HOLDERS = /^(answers|results?|rows|entries|items|responses?|outputs?|data|list|json)$/i;

/** Whether a document begins in the form that was asked for, whatever it holds. */
export function isAsAsked({ open: [root], keys }: Document): boolean {
  return isJsonObject(root) && (Object.hasOwn(root, ANSWERS) || keys[0] === ANSWERS);
}

/** Whether a document is just what was asked for: a single row's answer that has such a key would have others too. */
export function isAskedAlone(document: Document): boolean {
  const [root] = document.open;
  return isAsAsked(document) && isJsonObject(root) && Object.keys(root).every((key) => key === ANSWERS);
}

/** The entries of a document; null if it has none of the known forms, or could have two of them. */
export function packEntries(document: Document, rows: Rows): Entry[] | null {
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

type Holder = readonly unknown[] | JsonObject;

/** The container of the entries: a list, or an object by ids. */
function holderOf(document: Document, rows: Rows): Holder | null {
  const { keys, isWhole, repeats } = document;
  const [root, ...rest] = document.open;
  if (Array.isArray(root)) {
    const inner = isWhole ? onlyHolderIn(root) : null;
    return inner === null ? root : holderOf({ ...document, open: [inner], keys: [] }, rows);
  }
  if (!isJsonObject(root) || root instanceof ExactNumber) return null;
  if (repeats(root, ANSWERS)) return null;
  const [opened] = rest.length > 0 ? keys : [];
  const named = opened === ANSWERS ? rest[0] : own(root, ANSWERS);
  if (Array.isArray(named)) return named;
  if (isJsonObject(named) && !rows.has(ANSWERS)) {
    const isAgain = isWhole && Object.keys(named).join() === ANSWERS;
    return isAgain ? holderOf({ ...document, open: [named], keys: [] }, rows) : named;
  }
  const names = Object.keys(root);
  const known = names.filter(rows.has);
  const namesRow = (key: string) => rows.has(rows.idOf(own(root, key)) ?? '');
  const isEntry = namesRow('id');
  // An entry whose key is garbled still names its row.
  const isLikeEntry = names.some((name) => !rows.has(name) && namesRow(name));
  // An object with few ids and many other keys is a single row's answer.
  const hasRows =
    !isLikeEntry && known.some((name) => !ENTRY_KEYS.has(name)) && known.length * 2 >= names.length;
  if (isEntry) return isWhole && known.length === 0 ? [root] : null;
  // Or under another name, if nothing else is there.
  const [name = '', ...others] = [...names, ...(opened == null ? [] : [opened])];
  const inner = name === opened ? rest[0] : own(root, name);
  const isHolder = others.length === 0 && HOLDERS.test(name) && typeof inner === 'object' && inner !== null;
  if (!isHolder) return hasRows ? root : null;
  if (rows.has(name) || repeats(root, name)) return null;
  return name === opened
    ? holderOf({ ...document, open: rest, keys: keys.slice(1) }, rows)
    : holderOf({ ...document, open: [inner], keys: [] }, rows);
}

/** The only item of a list, if it can't be an entry: it holds all answers, or a list of them. */
function onlyHolderIn([only, ...others]: readonly unknown[]): object | null {
  if (others.length > 0) return null;
  if (Array.isArray(only)) return only;
  return isJsonObject(only) && !Object.hasOwn(only, 'id') && Object.hasOwn(only, ANSWERS) ? only : null;
}

const own = (object: JsonObject, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined;

const NO_ROW: Entry = { id: null, value: undefined };

function listed(entry: unknown, { repeats }: Document, rows: Rows): Entry {
  if (!isJsonObject(entry) || repeats(entry, 'id')) return NO_ROW;
  const { id: _own, ...said } = entry;
  const id = rows.idOf(own(entry, 'id'));
  const value = saidIn(said, id !== null && rows.isStructured(id));
  return { id, value, isTwice: repeats(entry, 'answer') };
}

/** What an entry holds besides its id: the answer, or the answer's own keys side by side. */
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

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  try {
    return stringifyExact(value);
  } catch (error) {
    // Nested too deep to be written: only this row's answer is lost.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
