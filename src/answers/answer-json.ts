import { parseExact } from '../lib/exact-json.ts';
import { isDeeper, MOST_LEVELS } from '../lib/json.ts';

/** The form that a task's answer must have: JSON by the schema with this hash, or any object if that is null. */
export type AnswerForm = { schema: string | null };

/** The JSON of an answer and its text, `source`. `fenced` if the answer was one fenced block and nothing else. */
type AnswerJson = { json: unknown; fenced: boolean; source: string };

/** Reads an answer as JSON; null if it is not JSON, or is nested too deep to be a real answer. */
export function jsonOf(text: string, parse: (text: string) => unknown = JSON.parse): AnswerJson | null {
  const bare = text.replace(MARKS, '');
  const whole = bare.trim();
  const plain = parsed(whole, parse);
  if (plain !== undefined) return { json: plain, fenced: false, source: whole };
  const source = fencedAlone(bare)?.join('\n');
  const json = source === undefined ? undefined : parsed(source, parse);
  return source === undefined || json === undefined ? null : { json, fenced: true, source };
}

/** Zero-width characters that gateways and models leave around an answer: a byte order mark, joiners and separators. */
const MARKS = /^[\ufeff\u200b\u2060]+|[\ufeff\u200b\u2060]+$/g;

/** Undefined if the text is not JSON, or nested too deep. */
function parsed(text: string, parse: (text: string) => unknown): unknown {
  try {
    const value = parse(text);
    return isDeeper(value, MOST_LEVELS) ? undefined : value;
  } catch {
    return undefined;
  }
}

export const exact = (text: string): unknown => parseExact(text).value;

/**
 * The lines of a text that is one fenced block and nothing else, as in CommonMark: three or more backticks or tildes, and a
 * language or anything else after the first fence. Null for any other text.
 */
export function fencedAlone(text: string): string[] | null {
  // Only the end is trimmed: spaces at the beginning belong to the fence.
  const lines = text
    .replace(/^(?:[ \t]*\r?\n)+/, '')
    .trimEnd()
    .split(/\r?\n/);
  const end = endOfFence(lines, 0);
  return end === lines.length - 1 && end > 0 ? linesWithin(lines, 0, end) : null;
}

const FENCE = /^( {0,3})(?:(`{3,})[^`]*|(~{3,}).*)$/;

/** The lines between two fences, without the indentation of the first. */
export function linesWithin(lines: readonly string[], start: number, end: number): string[] {
  const [, indent = ''] = FENCE.exec(lines[start] ?? '') ?? [];
  const setIn = new RegExp(`^ {0,${indent.length}}`);
  const within = lines.slice(start + 1, end);
  return indent === '' ? within : within.map((line) => line.replace(setIn, ''));
}

/** Whether a fenced block begins at a line. */
export const isFence = (line: string): boolean => FENCE.test(line);

/**
 * The line that closes the fenced block which begins at a line; -1 if none begins there, or it is never closed. Fences with a
 * language inside the block are taken to have closing fences of their own, as models write Markdown.
 */
export function endOfFence(lines: readonly string[], start: number): number {
  const fence = fenceOf(lines[start] ?? '');
  if (fence === null) return -1;
  let within = 0;
  let first = -1;
  for (let index = start + 1; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (isClosing(line, fence)) {
      if (within === 0) return index;
      if (first === -1) first = index;
      within -= 1;
    } else if (opensWithin(line, fence)) within += 1;
  }
  // If some have none, the first closing fence ends the block, as CommonMark says.
  return first;
}

const fenceOf = (line: string): string | null => {
  const [, , backticks, tildes] = FENCE.exec(line) ?? [];
  return backticks ?? tildes ?? null;
};

function isClosing(line: string, fence: string): boolean {
  const closing = line.trim();
  const mark = fence.charAt(0);
  return closing.length >= fence.length && closing === mark.repeat(closing.length) && /^ {0,3}\S/.test(line);
}

function opensWithin(line: string, fence: string): boolean {
  const inner = fenceOf(line);
  return inner?.charAt(0) === fence.charAt(0) && inner.length >= fence.length && line.trim() !== inner;
}
