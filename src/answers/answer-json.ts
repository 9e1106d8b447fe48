import { parseExact } from '../lib/exact-json.ts';
import { isDeeper, MOST_LEVELS } from '../lib/json.ts';

/** How a task's answer is to look: JSON, by the schema of this hash; null where only that it is an object is known. */
export type AnswerForm = { schema: string | null };

/** JSON as an answer gave it; `fenced` where it stood in a fenced block, alone. `source` is its text. */
export type AnswerJson = { json: unknown; fenced: boolean; source: string };

/** The JSON that an answer is; null where it is none, or is nested so deep that it is no answer to anything. */
export function jsonOf(text: string, parse: (text: string) => unknown = JSON.parse): AnswerJson | null {
  const plain = parsed(text, parse);
  if (plain !== undefined) return { json: plain, fenced: false, source: text };
  const source = fencedAlone(text)?.join('\n');
  const json = source === undefined ? undefined : parsed(source, parse);
  return source === undefined || json === undefined ? null : { json, fenced: true, source };
}

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
  const lines = text.trim().split(/\r?\n/);
  const end = endOfFence(lines, 0);
  return end === lines.length - 1 && end > 0 ? lines.slice(1, end) : null;
}

/** The line that closes the fenced block which begins at a line; -1 where none begins there, or it is never closed. */
export function endOfFence(lines: readonly string[], start: number): number {
  const [, backticks, tildes] = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(lines[start] ?? '') ?? [];
  const fence = backticks ?? tildes;
  if (fence === undefined) return -1;
  const mark = fence.charAt(0);
  return lines.findIndex((line, index) => {
    const closing = line.trim();
    return (
      index > start &&
      closing.length >= fence.length &&
      closing === mark.repeat(closing.length) &&
      /^ {0,3}\S/.test(line)
    );
  });
}
