import { parseExact } from '../lib/exact-json.ts';
import { isDeeper, MOST_LEVELS } from '../lib/json.ts';

/** How a task's answer is to look: JSON, by the schema of this hash; null where only that it is an object is known. */
export type AnswerForm = { schema: string | null };

/** JSON as an answer gave it; `fenced` where it stood in a fenced block, alone. `source` is its text. */
export type AnswerJson = { json: unknown; fenced: boolean; source: string };

/** The JSON that an answer is; null where it is none, or is nested so deep that it is no answer to anything. */
export function jsonOf(text: string, parse: (text: string) => unknown = JSON.parse): AnswerJson | null {
  const bare = text.replace(MARKS, '');
  const whole = bare.trim();
  const plain = parsed(whole, parse);
  if (plain !== undefined) return { json: plain, fenced: false, source: whole };
  const source = fencedAlone(bare)?.join('\n');
  const json = source === undefined ? undefined : parsed(source, parse);
  return source === undefined || json === undefined ? null : { json, fenced: true, source };
}

/** Characters without width that gateways and models leave around an answer: a byte order mark, and those that keep words together or apart. */
const MARKS = /^[\ufeff\u200b\u2060]+|[\ufeff\u200b\u2060]+$/g;

/** Undefined where the text is not JSON, or too deep. */
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
 * The lines of a text that is one fenced block and nothing else, as CommonMark has them: three or more backticks or tildes, with
 * a language or anything else behind the first of them. Null for any other text.
 */
export function fencedAlone(text: string): string[] | null {
  // Not at its beginning: blanks there belong to the fence.
  const lines = text
    .replace(/^(?:[ \t]*\r?\n)+/, '')
    .trimEnd()
    .split(/\r?\n/);
  const end = endOfFence(lines, 0);
  return end === lines.length - 1 && end > 0 ? linesWithin(lines, 0, end) : null;
}

const FENCE = /^( {0,3})(?:(`{3,})[^`]*|(~{3,}).*)$/;

/** The lines between those of a fence, without the blanks that it is set in by. */
export function linesWithin(lines: readonly string[], start: number, end: number): string[] {
  const [, indent = ''] = FENCE.exec(lines[start] ?? '') ?? [];
  const setIn = new RegExp(`^ {0,${indent.length}}`);
  const within = lines.slice(start + 1, end);
  return indent === '' ? within : within.map((line) => line.replace(setIn, ''));
}

/** Whether a fenced block begins at a line. */
export const isFence = (line: string): boolean => FENCE.test(line);

/**
 * The line that closes the fenced block which begins at a line; -1 where none begins there, or it is never closed. Where the
 * block itself holds fences with a language behind them, each of these has a closing one of its own, as models write Markdown.
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
  // Not every one has: by the letter the first ends the block.
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
