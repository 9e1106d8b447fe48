import { parseExact } from '../lib/exact-json.ts';

/** How a task's answer is to look: JSON, by the schema of this hash; null where only that it is an object is known. */
export type AnswerForm = { schema: string | null };

/** JSON as an answer gave it; `fenced` where it stood in a fenced block, alone. */
export type AnswerJson = { json: unknown; fenced: boolean };

const FENCED = /^\s*```[\w-]*[ \t]*\r?\n([\s\S]*?)\r?\n?[ \t]*```\s*$/;

/** The JSON that an answer is; null where it is none. */
export function jsonOf(text: string, parse: (text: string) => unknown = JSON.parse): AnswerJson | null {
  const plain = parsed(text, parse);
  if (plain !== undefined) return { json: plain, fenced: false };
  const [, inner = ''] = FENCED.exec(text) ?? [];
  const json = inner === '' || inner.includes('```') ? undefined : parsed(inner, parse);
  return json === undefined ? null : { json, fenced: true };
}

/** Undefined where the text is not JSON. */
function parsed(text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

export const exact = (text: string): unknown => parseExact(text).value;
