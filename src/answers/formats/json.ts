import { randomBytes } from 'node:crypto';
import { stringifyExact } from '../../lib/exact-json.ts';
import { gatherBytes } from '../../lib/gathered-bytes.ts';
import type { JsonObject } from '../../lib/json.ts';
import { type Answer, type AnsweredItem, type AnsweredRow, withDetails } from '../answer.ts';
import { flatItem, flatRow } from './flat-answer.ts';

/** The shape of the guide's results file: one flat object per task, beginning with the columns of its row. */
export function jsonElement({ row, answer }: AnsweredRow): string {
  const own = elementOf(answer);
  return stringifyExact(row === null ? own : flatRow({ row, answer }, own));
}

/** The same for the answers to one row, with the variant's name in front, as `A.label`. */
export const jsonElementOfItem = (item: AnsweredItem): string => stringifyExact(flatItem(item, elementOf));

function elementOf(answer: Answer): JsonObject {
  const { task_id, outcome, text, json, tool_calls, stop_reason, error, expected, details } = answer;
  const success = outcome === 'succeeded';
  const has = text !== undefined || json !== undefined;
  return {
    task_id,
    success,
    output: has
      ? {
          content: text ?? stringifyExact(json),
          ...(json !== undefined && { json }),
          ...(tool_calls && { tool_calls }),
          usage: details?.usage ?? null,
          model: details?.model ?? null,
          stop_reason: stop_reason ?? null,
        }
      : null,
    error: error ? `${error.type}: ${error.message}` : success ? null : outcome,
    outcome,
    ...(details?.thinking_tokens !== undefined && { thinking_tokens: details.thinking_tokens }),
    ...(details?.content && { content: details.content }),
    ...details?.more,
    ...(expected !== undefined && { expected }),
  };
}

/** Everything known about an answer, on one line; with a row, its columns and the answer's keys. */
export function jsonLine({ row, answer }: AnsweredRow): string {
  if (row === null) return `${stringifyExact(withDetails(answer))}\n`;
  return `${stringifyExact(flatRow({ row, answer }, factsOf(answer)))}\n`;
}

/** The answers to one row on one line, with the variant's name in front of each key. */
export const jsonLineOfItem = (item: AnsweredItem): string => `${stringifyExact(flatItem(item, factsOf))}\n`;

function factsOf(answer: Answer): JsonObject {
  const { text: _text, json: _json, tool_calls: _calls, ...facts } = withDetails(answer);
  return facts;
}

/** Stands for an answer's text, which is spliced in as it came. Random in every process, so that no text can contain it. */
export const STAND_IN = `answer-text-${randomBytes(12).toString('hex')}`;
const IN_JSON = JSON.stringify(STAND_IN);

const EXPECTED_BYTES = 1024 * 1024;

/**
 * The JSON of each group of answers, with their texts in place of `STAND_IN`: most of a file is texts, and decoding, parsing and
 * rewriting them took most of the time. The bytes are valid until the next group is asked for.
 */
export async function* spliced(
  groups: AsyncIterable<readonly AnsweredRow[]>,
  json: (answered: AnsweredRow) => string,
): AsyncGenerator<Uint8Array> {
  const bytes = gatherBytes(EXPECTED_BYTES);
  for await (const group of groups) {
    bytes.clear();
    for (const answered of group) {
      const around = json(answered);
      // With a row, the text appears twice: in a column of its own and in the output.
      const pieces = answered.text === undefined ? [around] : around.split(IN_JSON);
      for (const [index, piece] of pieces.entries()) {
        if (index > 0 && answered.text !== undefined) bytes.add(answered.text);
        bytes.add(piece);
      }
    }
    yield bytes.bytes();
  }
}
