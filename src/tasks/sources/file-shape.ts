import { isUtf8 } from 'node:buffer';
import type { Problem } from '../../errors.ts';
import { isJsonObject } from '../../lib/json.ts';
import { quoteName } from '../../lib/nearest.ts';
import { binaryOf, isLfsPointer } from './encoding.ts';
import { nearlyJson } from './nearly-json.ts';
import { SAMPLE_BYTES } from './text-file.ts';

/** What a file looks like by its beginning, where that is not what its name says. */
export type Shape = Pick<Problem, 'problem' | 'valid'>;

export const ARRAY = 'a JSON array of tasks, [{…}, {…}]';
const PER_LINE = 'one JSON object per line';

/** As when a download needed a login. */
const HTML = /^\s*<(!doctype html|html|head)\b/i;

/** The value of a text that is JSON; undefined for any other. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is not text in UTF-8, whatever form it should have. */
function whatInsteadOfText(beginning: Uint8Array, form: string): Shape | null {
  const binary = binaryOf(beginning);
  if (binary !== null) {
    // What is packed may hold anything; a pointer stands for a file of that name.
    const valid = (isLfsPointer(beginning) && binary.valid) || `a text file with ${form}`;
    return { problem: `is ${binary.name}`, valid };
  }
  if (!beginning.includes(0)) return null;
  return { problem: 'is not UTF-8: it holds zero bytes, as UTF-16 does', valid: 'a file saved as UTF-8' };
}

/** What a `.json` file is that does not hold an array of tasks; `null` where its beginning does not tell. */
export function whatInsteadOfArray(beginning: Uint8Array): Shape | null {
  const other = whatInsteadOfText(beginning, ARRAY);
  if (other !== null) return other;
  if (beginning.length < SAMPLE_BYTES && !isUtf8(beginning))
    return { problem: 'is not UTF-8', valid: 'a file saved as UTF-8' };
  const text = Buffer.from(beginning)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (text === '') return { problem: 'is empty', valid: ARRAY };
  if (HTML.test(text)) return { problem: 'is a page of HTML', valid: ARRAY };
  if (isJsonObject(jsonIn(text))) return ONE_OBJECT;
  const nearly = nearlyJson(text);
  if (nearly !== null) return nearly;
  if (text.startsWith('[')) {
    return jsonIn(text.trimEnd().replaceAll(/\]\s*\[/g, ',')) === undefined
      ? null
      : { problem: 'holds several arrays, one after another', valid: 'all tasks in one array' };
  }
  const [first = '', ...rest] = text.split(/\r?\n/);
  const isLines = isJsonObject(jsonIn(first)) && rest.some((line) => line.trim() !== '');
  if (text.startsWith('{') && !isLines) return ONE_OBJECT;
  const named = 'a file with one task per line must be named .jsonl';
  if (isLines)
    return {
      problem: 'does not hold an array, but one task per line',
      valid: `${ARRAY}; ${named}`,
    };
  return tableIn([first, ...rest]) ?? { problem: 'does not hold an array', valid: `${ARRAY}; ${named}` };
}

const ONE_OBJECT = {
  problem: 'does not hold an array, but one object',
  valid: `${ARRAY}: the list alone, where it is under a key of the object; rows_file, where it holds rows; a file with one task per line must be named .jsonl`,
};

/** This many unreadable lines are no slip: the file is something else. */
const LINES_OF_A_KIND = 3;

/**
 * What a file of JSON lines is by its beginning, where its lines can't be read: each would be a problem, and none of them would
 * say it. Null for a file of lines.
 */
export function whatInsteadOfLines(beginning: Uint8Array): Shape | null {
  const other = whatInsteadOfText(beginning, PER_LINE) ?? otherEncoding(beginning);
  if (other !== null) return other;
  const text = Buffer.from(beginning)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const lines = text
    .split(/\r?\n/)
    .slice(0, beginning.length < SAMPLE_BYTES ? undefined : -1)
    .map((line) => line.replaceAll(BLANKS_AROUND, ''))
    .filter((line) => line !== '');
  const [first = '', second] = lines;
  const value = jsonIn(first);
  if (HTML.test(text)) return { problem: 'is a page of HTML', valid: PER_LINE };
  if (Array.isArray(value) && second !== undefined)
    return { problem: 'has an array on each line, not an object', valid: PER_LINE };
  if (text.startsWith('[')) {
    return {
      problem: 'is one JSON array, not one object per line',
      valid: `the same file named .json; or ${PER_LINE}, as jq -c ".[]" writes it`,
    };
  }
  const broken = lines.filter((line) => jsonIn(line) === undefined);
  const goesOn = value === undefined && opensMore(first);
  if (goesOn || (broken.length >= LINES_OF_A_KIND && broken.includes('{'))) return PRETTY;
  const list = second === undefined ? listWithin(value) : undefined;
  if (list !== undefined) {
    return {
      problem: `is one object, with a list under ${quoteName(list)}`,
      valid: `${PER_LINE}, as jq -c ".[][]" writes it; or the list alone in a file named .json`,
    };
  }
  const [sample] = broken;
  const isOfAKind = broken.length >= LINES_OF_A_KIND || broken.length === lines.length;
  if (sample === undefined || !isOfAKind) return null;
  return whatALineIs(sample) ?? (broken.length === lines.length ? (tableIn(lines) ?? proseIn(lines)) : null);
}

/** Not a byte order mark, which JSON does not count as a blank. */
const BLANKS_AROUND = /^[ \t]+|[ \t]+$/g;

const PRETTY = {
  problem: 'holds objects over several lines (pretty-printed JSON)',
  valid: `${PER_LINE}, as jq -c . writes it`,
};

/** What a line is that is not JSON; null where that can't be told. */
export function whatALineIs(line: string): Shape | null {
  if (areObjects(jsonIn(`[${line.replaceAll(BETWEEN, '},{')}]`)))
    return { problem: 'has several objects in one line', valid: PER_LINE };
  if (/^(?:\/\/|#|\/\*)/.test(line))
    return { problem: 'holds comments, of which JSON has none', valid: 'the file without them' };
  if (/^(?:```|~~~)/.test(line))
    return { problem: 'is the fence of a block in Markdown', valid: 'what is between the fences' };
  return nearlyJson(line);
}

/** As programs without Unicode end lines, and old Macs, which are reported separately. */
const BETWEEN = /\}(?:(?![\r\ufeff])[\s\p{Cc}])*\{/gu;

const areObjects = (list: unknown): boolean =>
  Array.isArray(list) && list.length > 1 && list.every(isJsonObject);

/** Many lines that are not UTF-8 are one thing: how the file was saved. */
function otherEncoding(beginning: Uint8Array): Shape | null {
  if (isUtf8(beginning)) return null;
  const lines = Buffer.from(beginning)
    .toString('latin1')
    .split('\n')
    .slice(0, beginning.length < SAMPLE_BYTES ? undefined : -1)
    .filter((line) => line.trim() !== '');
  const wrong = lines.filter((line) => !isUtf8(Buffer.from(line, 'latin1')));
  if (wrong.length < LINES_OF_A_KIND) return null;
  const at = lines.indexOf(wrong[0] ?? '') + 1;
  return {
    problem: `is not UTF-8, from line ${at} on, as a file saved in Latin-1 or Windows-1252`,
    valid: 'a file saved as UTF-8',
  };
}

function tableIn([first = '', second = '']: readonly string[]): Shape | null {
  const isTable =
    /^[^{}[\]"]+([,;\t])[^{}[\]"]+$/.test(first) && second !== '' && jsonIn(second) === undefined;
  return isTable
    ? { problem: 'is a table, not JSON', valid: 'rows_file with the same file named .csv' }
    : null;
}

const proseIn = (lines: readonly string[]): Shape | null =>
  lines.every((line) => !/^[{["]/.test(line))
    ? { problem: 'is plain text, not JSON', valid: 'rows_file with the same file named .txt: a row per line' }
    : null;

/** The key of a list that is all an object holds, as in a whole body for the API. */
function listWithin(value: unknown): string | undefined {
  const [[key, list] = [], ...others] = isJsonObject(value) ? Object.entries(value) : [];
  return others.length === 0 && Array.isArray(list) && list.some(isJsonObject) ? key : undefined;
}

/** Whether a line opens more brackets than it closes: its object continues below. */
function opensMore(line: string): boolean {
  const outside = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  return (outside.match(/[{[]/g) ?? []).length > (outside.match(/[}\]]/g) ?? []).length;
}

const KEYS_OF_TASKS = ['task_id', 'custom_id', 'params', 'prompt', 'task_type', 'input_data'];
/** This many brackets are tried as the end of the first object. */
const MOST_ENDS = 50;

/** Whether the first object in a file of tasks has no key of one. */
export function holdsRows(beginning: Uint8Array): boolean {
  const text = Buffer.from(beginning).toString('utf8');
  const start = text.indexOf('{');
  let end = start;
  for (let tries = 0; start !== -1 && tries < MOST_ENDS; tries += 1) {
    end = text.indexOf('}', end + 1);
    if (end === -1) return false;
    const first = jsonIn(text.slice(start, end + 1));
    if (isJsonObject(first)) return !KEYS_OF_TASKS.some((key) => key in first);
  }
  return false;
}

/** Up to the first list of objects: keys with plain values, and objects around the list. */
const UP_TO_LIST = /^\s*\{(?:[^[\]{}"]|"(?:[^"\\]|\\.)*"|\{)*\[\s*(?=\{)/;

/** Whether a text is one object that holds rows as a list, `{"rows": [{…}, {…}]}`, and not an object on each line. */
export function holdsListOfRows(beginning: Uint8Array): boolean {
  const text = Buffer.from(beginning)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const [start] = UP_TO_LIST.exec(text) ?? [];
  if (start === undefined || !holdsRows(Buffer.from(text.slice(start.length)))) return false;
  const [first = '', ...rest] = text.split(/\r?\n/);
  const isLines = isJsonObject(jsonIn(first)) && rest.some((line) => line.trim() !== '');
  return !isLines && !isTask(start);
}

/** A task may hold a list of objects, such as that of its messages. */
const isTask = (start: string) => KEYS_OF_TASKS.some((key) => start.includes(`"${key}"`));
