import { stringifyExact } from '../../lib/exact-json.ts';
import { isJsonObject } from '../../lib/json.ts';
import { valueAt } from '../../tasks/render/places.ts';
import type { Answer, AnsweredRow } from '../answer.ts';
import { endOfFence, fencedAlone, isFence, linesWithin } from '../answer-json.ts';
import type { NotNamed } from './name-pattern.ts';

/** A file's content. `code_only` if the answer said more besides its code, `words` if a file for code has words besides or instead of code. */
type FileText = { text: string; code_only: boolean; words: boolean };

/** Whether a file with this name is for people to read, so that prose belongs in it. */
const isProse = (path: string) =>
  /\.(md|markdown|mdx|txt|text|rst|adoc|asciidoc|org|tex|html?|csv|log|eml)$/i.test(path);

/**
 * The content of an answer's own file: its code alone, its text or its JSON; with a key, the value of that key. In a file
 * for code the prose around a single code block is left out, as nothing could run it.
 */
export function answerText(answer: Answer, key: string | undefined, path: string): FileText | NotNamed {
  const { outcome, text, json, tool_calls } = answer;
  if (outcome !== 'succeeded') return { left: 'there is no finished answer' };
  const said = key === undefined ? (json ?? (text?.trim() ? text : tool_calls)) : keyed(json, key);
  if (said === undefined || said === null) {
    return { left: key === undefined ? 'the answer is empty' : 'the answer does not have the key' };
  }
  const whole = typeof said === 'string' ? codeAlone(said) : stringifyExact(said, 2);
  const isAsSaid = whole === said && !isProse(path);
  const code = isAsSaid ? blocksOf(whole) : [];
  if (code.length > 1) return { left: 'the answer has more than one block of code' };
  const kept = code[0] ?? whole;
  if (kept.trim() === '') return { left: 'the answer is empty' };
  return {
    text: kept.endsWith('\n') ? kept : `${kept}\n`,
    code_only: code.length === 1,
    words: isAsSaid && code.length === 0 && hasWords(whole),
  };
}

/** A line of words: it begins and ends like a sentence, and holds nothing that looks more like code. */
const SENTENCE = /^(?:\p{Lu}\S*[^\S\n]+\S|\p{Lo})[^{}[\]<>;=$\\|@#\n]*[.:!?…。！？：]["'”’*`)]*$/u;

/** Whether a text that should be code begins or ends with words, as when a model says what it does or why it refuses. */
function hasWords(text: string): boolean {
  const lines = text.trim().split(/\r?\n/);
  return [lines[0], lines.at(-1)].some((line) => line !== undefined && SENTENCE.test(line.trim()));
}

/** The value of a key of an answer; `a.b` reaches into objects. */
export function keyed(json: unknown, key: string): unknown {
  return isJsonObject(json) ? valueAt(json, key) : undefined;
}

/** The code of a text that is one fenced block and nothing else, closed or not; any other text as it is. */
function codeAlone(text: string): string {
  const alone = fencedAlone(text);
  if (alone !== null) return asCode(alone);
  const lines = text.trim().split(/\r?\n/);
  return isFence(lines[0] ?? '') && endOfFence(lines, 0) === -1
    ? asCode(linesWithin(lines, 0, lines.length))
    : text;
}

const asCode = (lines: readonly string[]) => `${lines.join('\n')}\n`;

/** The contents of a text's fenced blocks; one that is never closed extends to the end, as in CommonMark. */
function blocksOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  const blocks: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (!isFence(lines[at] ?? '')) continue;
    const closed = endOfFence(lines, at);
    const end = closed === -1 ? lines.length : closed;
    blocks.push(asCode(linesWithin(lines, at, end)));
    at = end;
  }
  return blocks;
}

/** A line of a file for one key: an answer reduced to that key. */
function alone(answered: AnsweredRow, key: string, value: unknown, asText: boolean): AnsweredRow {
  const { text: _text, json: _json, tool_calls: _calls, ...answer } = answered.answer;
  const row = answered.row ?? {};
  if (value === undefined) return { answer, row };
  if (asText && typeof value === 'string') return { answer: { ...answer, text: value }, row };
  return { answer: { ...answer, json: isJsonObject(value) ? value : { [key]: value } }, row };
}

/** An answer without its costs, which another line has already. */
function withoutUsage({ answer, ...answered }: AnsweredRow): AnsweredRow {
  if (answer.details === undefined) return { ...answered, answer };
  const { usage: _usage, thinking_tokens: _thinking, ...details } = answer.details;
  return { ...answered, answer: { ...answer, details } };
}

/**
 * The value of one key of each answer, beside its row: for a list a line per entry, for an object, or a list of objects, its
 * keys. An answer without the key, or with an empty list, still gets a line, as no task is dropped. An answer's costs are only
 * on its first line, so that they add up. `asText` leaves texts as they are, for people to read.
 */
export async function* entriesOf(
  answers: AsyncIterable<AnsweredRow>,
  key: string,
  asText: boolean,
): AsyncGenerator<AnsweredRow> {
  for await (const answered of answers) {
    const value = answered.answer.outcome === 'succeeded' ? keyed(answered.answer.json, key) : undefined;
    const entries =
      Array.isArray(value) && value.length > 0 ? value : [Array.isArray(value) ? undefined : value];
    for (const [index, entry] of entries.entries()) {
      yield alone(index === 0 ? answered : withoutUsage(answered), key, entry, asText);
    }
  }
}
