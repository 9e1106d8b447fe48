import type { Problem } from '../../errors.ts';
import { isJsonObject } from '../../lib/json.ts';
import { quoteName } from '../../lib/nearest.ts';
import { binaryName } from '../sources/encoding.ts';

/** What a file of tasks looks like by its beginning, where that is another form than its name says. */
type Shape = Pick<Problem, 'problem' | 'valid'>;

export const ARRAY = 'a JSON array of tasks, [{…}, {…}]';
const PER_LINE = 'one JSON object per line';

/** As a download is that needed somebody to log in. */
const HTML = /^\s*<(!doctype html|html|head)\b/i;

/** The value of a text that is JSON; undefined for any other. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the text of a `.json` file is, which does not begin with `[`. */
export function whatInsteadOfArray(text: string): Shape {
  const problem = 'does not hold an array';
  if (HTML.test(text)) return { problem: 'is a page of HTML', valid: ARRAY };
  const [first = '', ...rest] = text.split(/\r?\n/);
  if (isJsonObject(jsonIn(first)) && rest.some((line) => line.trim() !== '')) {
    return {
      problem: `${problem}, but one task per line`,
      valid: `${ARRAY}; a file with one task per line must be named .jsonl`,
    };
  }
  if (text.startsWith('{')) {
    return {
      problem: `${problem}, but one object`,
      valid: `${ARRAY}: the list alone, where it stands under a key of the object; a file with one task per line must be named .jsonl`,
    };
  }
  return { problem, valid: `${ARRAY}; a file with one task per line must be named .jsonl` };
}

/**
 * What a `.jsonl` file is by its beginning, where no line of it can be a task: each line would be a problem, and none of
 * them would say it. Null for a file of lines.
 */
export function whatInsteadOfLines(beginning: Buffer): Shape | null {
  const binary = binaryName(beginning);
  if (binary !== null) return { problem: `is ${binary}`, valid: `a text file with ${PER_LINE}` };
  if (beginning.includes(0)) {
    return { problem: 'is not UTF-8: it holds zero bytes, as UTF-16 does', valid: 'a file saved as UTF-8' };
  }
  const text = beginning
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  const [first = '', second = ''] = text.split(/\r?\n/).map((line) => line.trim());
  if (HTML.test(text)) return { problem: 'is a page of HTML', valid: PER_LINE };
  if (text.startsWith('[')) {
    return {
      problem: 'is one JSON array, not one task per line',
      valid: `the same file named .json; or ${PER_LINE}, as jq -c ".[]" writes it`,
    };
  }
  if (first === '{' || (first.startsWith('{') && jsonIn(first) === undefined && opensMore(first))) {
    return {
      problem: 'holds objects over several lines (pretty-printed JSON)',
      valid: `${PER_LINE}, as jq -c . writes it`,
    };
  }
  if (first.endsWith(',') && isJsonObject(jsonIn(first.slice(0, -1)))) {
    return {
      problem: 'has a comma behind each task, as within an array',
      valid: `${PER_LINE} without commas, or an array in a file named .json`,
    };
  }
  const list = listWithin(jsonIn(first));
  if (list !== undefined) {
    return {
      problem: `is one object, with a list under ${quoteName(list)}`,
      valid: `${PER_LINE}, as jq -c ".[][]" writes it; or the list alone in a file named .json`,
    };
  }
  if (areObjects(jsonIn(`[${first.replaceAll(BETWEEN, '},{')}]`))) {
    return { problem: 'has several objects in one line', valid: PER_LINE };
  }
  if (/^\{\s*'/.test(first)) {
    return {
      problem: 'is written as Python does, with single quotes',
      valid: `${PER_LINE}, as json.dumps writes it`,
    };
  }
  const isTable =
    /^[^{}[\]"]+([,;\t])[^{}[\]"]+$/.test(first) && second !== '' && jsonIn(second) === undefined;
  if (isTable) {
    return { problem: 'is a table, not JSON', valid: 'rows_file with the same file named .csv' };
  }
  return null;
}

const BETWEEN = /\}[ \t]*\{/g;

const areObjects = (list: unknown): boolean =>
  Array.isArray(list) && list.length > 1 && list.every(isJsonObject);

/** The key of a list that an object holds as all it is, as a whole body for the API does. */
function listWithin(value: unknown): string | undefined {
  const [[key, list] = [], ...others] = isJsonObject(value) ? Object.entries(value) : [];
  return others.length === 0 && areTasks(list) ? key : undefined;
}

const areTasks = (list: unknown): boolean => Array.isArray(list) && list.some(isJsonObject);

/** Whether a line opens more brackets than it closes: its object goes on below. */
function opensMore(line: string): boolean {
  const outside = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
  return (outside.match(/[{[]/g) ?? []).length > (outside.match(/[}\]]/g) ?? []).length;
}
