import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { ResultShare } from '../../dialect.ts';

/** What our line says about the request that its task shared; the API has nothing of the kind. */
type SharedBy = { request: string; rows: number; problem?: string };

/** The line of one of the tasks that shared a request, in the form of the API's lines for requests. */
export function shareLine(line: string, { id, index, of, said }: ResultShare): string {
  const { custom_id, result }: { custom_id: string; result: JsonObject } = JSON.parse(line);
  const pack: SharedBy = {
    request: custom_id,
    rows: of,
    ...(said !== null && 'problem' in said && { problem: said.problem }),
  };
  const { message } = result;
  if (result.type !== 'succeeded' || !isJsonObject(message)) {
    return JSON.stringify({ custom_id: id, result: { ...result, pack } });
  }
  const isAnswered = said !== null && 'text' in said;
  const shared = {
    ...message,
    content: isAnswered ? [{ type: 'text', text: said.text }] : [],
    // A row that came whole is finished, even if the answer was cut off after it.
    ...(said !== null && message.stop_reason !== 'end_turn' && { stop_reason: null }),
    usage: shareOf(message.usage, index, of),
  };
  return JSON.stringify({ custom_id: id, result: { type: 'succeeded', message: shared, pack } });
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0;

/** Shares out all counts within a value; everything else stays as it is. */
function shareOf(value: unknown, index: number, of: number): unknown {
  if (isCount(value)) return Math.floor((value * (index + 1)) / of) - Math.floor((value * index) / of);
  if (Array.isArray(value)) return value.map((each) => shareOf(each, index, of));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shareOf(each, index, of)]));
}

/** What our line says about the request that its task shared; null for one of the API's lines. */
export function sharedBy({ pack }: JsonObject): SharedBy | null {
  if (!isJsonObject(pack) || typeof pack.request !== 'string' || typeof pack.rows !== 'number') return null;
  const { request, rows, problem } = pack;
  return { request, rows, ...(typeof problem === 'string' && { problem }) };
}
