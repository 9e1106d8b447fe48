import { isJsonObject } from '../lib/json.ts';
import { nearest } from '../lib/nearest.ts';
import { ADVICE, KEYS, VALUES } from './guess-words.ts';

/** A word without case and separators. */
const plain = (word: string) => word.toLowerCase().replaceAll(/[\s_.-]/g, '');

const words = (table: readonly [string, string][]) =>
  table.map(([name, list]): [string, ReadonlySet<string>] => [name, new Set(list.split(' '))]);

const KEY_WORDS = words(KEYS);
const VALUE_WORDS = words(VALUES);
const ADVICE_WORDS = words(ADVICE);

const TABLE_FILE =
  /\.(csv|tsv|tab|txt|xls[xmb]?|ods|numbers|parquet|arrow|feather|sqlite3?|db)(\.(gz|zip|zst|bz2|xz))?$/i;
const JSON_FILE = /\.(json|jsonl|ndjson)(\.(gz|zip|zst|bz2|xz))?$/i;
const ENDING = /\.[a-z0-9]{1,8}$/i;
const PATTERN = /[*?{[]/;
const FOLDER = /[\\/]$/;
const BATCH = /^(msg)?batch_\w+$/;
/** A table itself instead of its path. */
const LINES = /\S[\r\n]+\S/;
/** A text that can only be a path, not a prompt. */
const A_PATH = /^[^\s,;]+(\.[a-z0-9]{1,8}|[\\/])$/i;

type Source = 'rows_file' | 'requests_file' | 'input_files' | 'from_batch';
const SOURCES: ReadonlySet<string> = new Set<Source>(['rows_file', 'requests_file', 'input_files']);

/** The sources that a value may belong to, by its form alone: the likeliest first. */
function sourcesNamed(value: unknown): Source[] {
  if (Array.isArray(value)) {
    const [first] = value;
    if (value.length === 1) return sourcesNamed(first);
    return typeof first === 'string' && (PATTERN.test(first) || ENDING.test(first)) ? ['input_files'] : [];
  }
  if (typeof value !== 'string' || value.trim() === '') return [];
  return namedBy(value.trim());
}

function namedBy(value: string): Source[] {
  if (BATCH.test(value)) return ['from_batch'];
  if (LINES.test(value)) return ['rows_file'];
  if (PATTERN.test(value) || FOLDER.test(value)) return ['input_files'];
  if (TABLE_FILE.test(value)) return ['rows_file'];
  if (JSON_FILE.test(value)) return ['requests_file', 'rows_file'];
  return ['input_files'];
}

/**
 * The key that an unknown one probably means: one spelled similarly, or one that the word stands for. A word for a
 * source means the one that fits the value: a table, tasks, or files.
 */
export function meantKey(key: string, known: readonly string[], value?: unknown): string | undefined {
  const candidates = KEY_WORDS.filter(([, list]) => list.has(plain(key))).map(([name]) => name);
  // Rows and tasks themselves are not the name of a file.
  if (Array.isArray(value) && value.some((each) => isJsonObject(each) || Array.isArray(each)))
    return best(key, ['requests', ...candidates], known);
  const isPath = candidates[0] === 'requests' && typeof value === 'string' && A_PATH.test(value.trim());
  if (!isPath && !candidates.some((name) => SOURCES.has(name))) return best(key, candidates, known);
  const named = sourcesNamed(value);
  // A JSON file holds tasks or rows: the word says which.
  const [source] = named.toSorted((a, b) => rank(candidates, a) - rank(candidates, b));
  return best(key, source === undefined ? candidates : [source, ...candidates], known);
}

const rank = (candidates: readonly string[], name: string) =>
  candidates.includes(name) ? candidates.indexOf(name) : candidates.length;

/** Advice for an unknown key that stands for nothing that the call knows. */
export function adviceOnKey(key: string): string | undefined {
  return ADVICE_WORDS.find(([, list]) => list.has(plain(key)))?.[0];
}

/** The value that an invalid one probably means. */
export function meantValue(given: unknown, allowed: readonly string[]): string | undefined {
  if (typeof given === 'boolean') return given ? best('full', [], allowed) : undefined;
  if (typeof given !== 'string') return undefined;
  const candidates = VALUE_WORDS.filter(([, list]) => list.has(plain(given))).map(([value]) => value);
  const family = /claude.*(haiku|sonnet|opus)/i.exec(given)?.[1]?.toLowerCase();
  const tier = VALUE_WORDS.find(([, list]) => family !== undefined && list.has(family))?.[0];
  return best(given, tier === undefined ? candidates : [...candidates, tier], allowed);
}

/** The same word in another spelling, else one that it stands for, else a similar one. */
function best(word: string, candidates: readonly string[], known: readonly string[]): string | undefined {
  return (
    known.find((name) => plain(name) === plain(word)) ??
    candidates.find((name) => known.includes(name)) ??
    nearest(word, known)
  );
}
