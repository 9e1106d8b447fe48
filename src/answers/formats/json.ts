import { stringifyExact } from '../../lib/exact-json.ts';
import { withDetails } from '../answer.ts';
import type { AnsweredRow } from '../view.ts';
import { flatRow } from './flat-answer.ts';

/** The shape of the guide's results file: one flat object per task, in front of it the columns of its row. */
export function jsonElement({ row, answer }: AnsweredRow): string {
  const { task_id, outcome, text, json, tool_calls, stop_reason, error, expected, details } = answer;
  const success = outcome === 'succeeded';
  const has = text !== undefined || json !== undefined;
  const own = {
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
  return stringifyExact(row === null ? own : flatRow({ row, answer }, own));
}

/** All that is known of an answer, on a line; beside a row its columns and the answer's keys. */
export function jsonLine({ row, answer }: AnsweredRow): string {
  const told = withDetails(answer);
  if (row === null) return `${stringifyExact(told)}\n`;
  const { text: _text, json: _json, tool_calls: _calls, ...facts } = told;
  return `${stringifyExact(flatRow({ row, answer }, facts))}\n`;
}
