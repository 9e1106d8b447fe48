import { cellText } from '../../lib/cell-text.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import type { JsonObject } from '../../lib/json.ts';
import { type Answer, type AnswerDetails, type AnsweredRow, withDetails } from '../answer.ts';
import { namedValue } from './named-value.ts';
import type { Keeper } from './whole-pieces.ts';

/** What a reply leaves out of an answer that is too long, and where the whole is; null if this server writes no files. */
type Cut = {
  /** The characters of the text or the JSON, or else of the tool calls: how many there are, and how many are shown. */
  characters: number;
  shown: number;
  /** Holds just the text or the JSON; for an answer that is only tool calls, these as JSON. */
  file: string | null;
  /** Holds the whole tool calls as JSON, if their inputs are left out here. */
  tool_calls_file?: string | null;
  /** Holds the content as it came, as JSON, if it is left out here. */
  content_file?: string | null;
};

/** A tool call without its input, which is too long. */
type ShownCall = { id?: string; name: string; input?: unknown };

/** An answer as a reply shows it: if it is too long it is cut here and whole in files, unless the server is read-only. */
export type ShownAnswer = Omit<Answer, 'details' | 'tool_calls' | 'error'> &
  Partial<Omit<AnswerDetails, 'more'>> & {
    tool_calls?: readonly ShownCall[];
    /** Only the first answer on a page with a message shows it. */
    error?: { type: string; message?: string; retryable: boolean };
    cut?: Cut;
  };

/** The longest answer that a reply holds whole, and how much of a longer one it shows, in characters of JSON. */
const LONGEST_ANSWER = 8_000;
const SHOWN_OF_LONGER = 4_000;
const LONGEST_ERROR_MESSAGE = 1_000;

/** Shortens an answer for a reply: text is cut at its end, tool calls and content are left out as a whole. */
export async function shownAnswer(answer: Answer, full: boolean, keep: Keeper): Promise<ShownAnswer> {
  const { details: _details, ...concise } = answer;
  const whole: ShownAnswer & JsonObject = full ? withDetails(answer) : concise;
  if (whole.error?.message !== undefined) {
    whole.error = { ...whole.error, message: fitting(whole.error.message, LONGEST_ERROR_MESSAGE) };
  }
  const { json, text, tool_calls, content } = whole;
  if (size({ json, text, tool_calls, content }) <= LONGEST_ANSWER) return whole;
  return cutAnswer(whole, keep);
}

const LONGEST_FIELD = 2_000;

/** The values of some names for an answer, instead of all of it; `null` for values that don't exist. */
export function pickFields(answered: AnsweredRow, names: readonly string[]): ShownAnswer & JsonObject {
  const { task_id, outcome } = answered.answer;
  const picked: JsonObject = {};
  for (const name of names) {
    const value = namedValue(answered, name) ?? null;
    picked[name] = size(value) <= LONGEST_FIELD ? value : `${fitting(cellText(value), LONGEST_FIELD)}…`;
  }
  return { ...picked, task_id, outcome };
}

async function cutAnswer(
  { json, text, tool_calls, content, ...rest }: ShownAnswer & JsonObject,
  keep: Keeper,
): Promise<ShownAnswer> {
  const shown: ShownAnswer = rest;
  const cut: Cut = { characters: 0, shown: 0, file: null };
  const body = json === undefined ? (text ?? '') : stringifyExact(json);
  cut.characters = body.length;
  cut.shown = body.length;
  if (size(body) > SHOWN_OF_LONGER) {
    shown.text = fitting(body, SHOWN_OF_LONGER);
    cut.shown = shown.text.length;
    // Half a surrogate pair must not be left at the end.
    const asText = body.isWellFormed() ? 'txt' : 'text.json';
    cut.file = await keep(json === undefined ? asText : 'json');
  } else if (json !== undefined) shown.json = json;
  else if (text !== undefined) shown.text = text;

  if (tool_calls !== undefined && size(tool_calls) > SHOWN_OF_LONGER) {
    const calls = stringifyExact(tool_calls, 2);
    shown.tool_calls = withoutInputs(tool_calls);
    cut.tool_calls_file = await keep('tool_calls.json');
    if (body === '') Object.assign(cut, { characters: calls.length, file: cut.tool_calls_file });
  } else if (tool_calls !== undefined) shown.tool_calls = tool_calls;

  if (content !== undefined) cut.content_file = await keep('content.json');
  return { ...shown, cut };
}

/** As many tool calls as a reply holds; the file has all. */
function withoutInputs(calls: readonly ShownCall[]): ShownCall[] {
  let used = 0;
  return calls
    .map(({ input: _input, ...call }) => call)
    .filter((call) => {
      used += size(call);
      return used <= SHOWN_OF_LONGER;
    });
}

const size = (value: unknown) => stringifyExact(value).length;

/** The longest beginning of a text that fits as JSON, where escapes count too. */
function fitting(text: string, characters: number): string {
  let shown = text.slice(0, characters).toWellFormed();
  for (let length = jsonLength(shown); length > characters; length = jsonLength(shown)) {
    shown = shown.slice(0, Math.floor((shown.length * characters) / length)).toWellFormed();
  }
  return shown;
}

const jsonLength = (text: string) => JSON.stringify(text).length - 2;
