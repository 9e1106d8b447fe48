import { parseExact } from '../lib/exact-json.ts';
import { isDeeper, MOST_LEVELS } from '../lib/json.ts';
import { fencedAlone } from './fences.ts';

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
