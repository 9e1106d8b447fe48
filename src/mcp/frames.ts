import { ExactNumber, parseExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import { errorCodes } from './protocol.ts';

/** What a line holds: a message of whatever shape, or the answer to send if its id can't be used. */
type Frame = { value: ReturnType<typeof JSON.parse> } | { answer: object };

/** The messages of a line: one, or several with nothing between them. Null if the line is not JSON. */
export function framesIn(text: string): Frame[] | null {
  return valuesIn(text)?.map((value) => frameOf(text, value)) ?? null;
}

function frameOf(text: string, value: ReturnType<typeof JSON.parse>): Frame {
  if (isRoundedId(value)) return { answer: roundedId(text, value) };
  const holdsMessage = [value].flat(MOST_LISTS).some(isJsonObject);
  return holdsMessage ? { value } : { answer: NO_MESSAGE };
}

const MOST_LISTS = 10;

const NO_MESSAGE = {
  jsonrpc: '2.0',
  id: null,
  error: { code: errorCodes.invalidRequest, message: 'A message is a JSON object, and this is not one.' },
};

function valuesIn(text: string): unknown[] | null {
  const whole = parsed([text]);
  if (whole !== null) return whole;
  const pieces = piecesOf(text);
  return pieces.length < 2 ? null : parsed(pieces);
}

function parsed(pieces: readonly string[]): unknown[] | null {
  try {
    return pieces.map((piece): unknown => JSON.parse(piece));
  } catch {
    return null;
  }
}

/** The text, cut after each bracket that closes a top-level value. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token.length > 1) continue;
    depth += token === '{' || token === '[' ? 1 : -1;
    if (depth > 0) continue;
    pieces.push(text.slice(start, index + 1));
    start = index + 1;
  }
  return text.slice(start).trim() === '' ? pieces : [...pieces, text.slice(start)];
}

/** An id beyond what a JavaScript number can hold exactly. */
const isRoundedId = (value: unknown): value is { id: number } =>
  isJsonObject(value) && Number.isInteger(value.id) && !Number.isSafeInteger(value.id);

/** The id goes back exactly as it came: the client would not recognise a rounded one. */
function roundedId(text: string, { id }: { id: number }): object {
  const exact = parseExact(piecesOf(text).find((piece) => parsed([piece]) !== null) ?? text).value;
  const asked = isJsonObject(exact) && exact.id instanceof ExactNumber ? exact.id : id;
  const message =
    'The id is a whole number above 2^53, which is not safe in JSON: use a smaller one, or a text.';
  return { jsonrpc: '2.0', id: asked, error: { code: errorCodes.invalidRequest, message } };
}

/** How much of each end of an overlong message is kept: its id is there. */
export const END_CHARACTERS = 4096;

const OTHERS = String.raw`"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"`;
const ID = String.raw`"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")`;
const AT_START = new RegExp(String.raw`^\s*[{[]*\s*(?:${OTHERS}\s*,\s*)*${ID}`);
const AT_END = new RegExp(String.raw`${ID}\s*(?:,\s*${OTHERS}\s*)*[}\]]*\s*$`);

/** A message's id, read from its ends, where clients write it: the long part is in the params. Null if it isn't there. */
export function idAt(start: string, end: string): unknown {
  const [, id] = AT_START.exec(start) ?? AT_END.exec(end) ?? [];
  try {
    return id === undefined ? null : parseExact(id).value;
  } catch {
    return null;
  }
}

/** The answer to a message that is not JSON, with whatever id can be made out. */
export function notJson(text: string): object {
  const message = 'The message is not JSON, so it was not read: one JSON object on each line, in UTF-8.';
  const id = idAt(text.slice(0, END_CHARACTERS), text.slice(-END_CHARACTERS));
  return { jsonrpc: '2.0', id, error: { code: errorCodes.parse, message } };
}
