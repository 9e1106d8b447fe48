import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';

type Turn = { role: unknown; blocks: JsonObject[] };

function turnsOf(messages: readonly unknown[]): Turn[] {
  return messages.map((message) => {
    const { role, content } = isJsonObject(message) ? message : {};
    return { role, blocks: Array.isArray(content) ? content.filter(isJsonObject) : [] };
  });
}

/**
 * Checks that every tool call has its result in the very next message, and every result its call. Only a client's calls
 * (`tool_use`) count, as the provider's own are answered within the message.
 */
export function checkToolTurns(messages: readonly unknown[]): Problem[] {
  const turns = turnsOf(messages);
  return turns.flatMap((turn, index) => [
    ...(turn.role === 'assistant' ? checkCalls(turns, index) : []),
    ...(turn.role === 'user' ? checkResults(turns, index) : []),
  ]);
}

const idsOf = (turn: Turn | undefined, type: string, key: string): unknown[] =>
  (turn?.blocks ?? []).filter((block) => block.type === type).map((block) => block[key]);

function checkCalls(turns: readonly Turn[], index: number): Problem[] {
  const ids = idsOf(turns[index], 'tool_use', 'id');
  const problems: Problem[] = [];
  if (new Set(ids).size < ids.length) {
    const valid = 'an id of its own for every tool_use';
    problems.push({ field: `messages[${index}].content`, problem: 'has two calls of the same id', valid });
  }
  // If the assistant's turn continues in the next message, both are one turn.
  if (turns[index + 1]?.role === 'assistant') return problems;
  const results = new Set(idsOf(turns[index + 1], 'tool_result', 'tool_use_id'));
  const open = ids.filter((id) => !results.has(id)).length;
  if (open === 0) return problems;
  const calls = open === 1 ? 'a call of a tool' : `${open} calls of tools`;
  const where = index + 1 < turns.length ? `in the next message` : 'after it';
  return [
    ...problems,
    {
      field: `messages[${index}].content`,
      problem: `has ${calls} without a result ${where}`,
      valid:
        "a tool_result block for each tool_use, all of them in the very next message, which is the user's",
    },
  ];
}

function checkResults(turns: readonly Turn[], index: number): Problem[] {
  const ids = idsOf(turns[index], 'tool_result', 'tool_use_id');
  if (ids.length === 0) return [];
  const calls = new Set(callsBefore(turns, index));
  const problems: Problem[] = [];
  const strange = ids.filter((id) => !calls.has(id)).length;
  if (strange > 0) {
    problems.push({
      field: `messages[${index}].content`,
      problem: `has ${strange === 1 ? 'a tool_result' : `${strange} tool_results`} without a call in the message before`,
      valid: 'the tool_use_id of a tool_use in the message just before, all results of it in one message',
    });
  }
  if (comesLate(turns[index])) {
    const valid = 'the tool_result blocks first, then the texts';
    problems.push({
      field: `messages[${index}].content`,
      problem: 'has a tool_result after another block',
      valid,
    });
  }
  if (new Set(ids).size < ids.length) {
    const valid = 'one tool_result for each tool_use';
    problems.push({ field: `messages[${index}].content`, problem: 'has two results of one call', valid });
  }
  return problems;
}

/** Whether results don't come first in their message, where the API expects them. */
function comesLate(turn: Turn | undefined): boolean {
  const isResult = (turn?.blocks ?? []).map(({ type }) => type === 'tool_result');
  return isResult.lastIndexOf(true) > isResult.indexOf(false) && isResult.includes(false);
}

/** The calls of the assistant's preceding turn, over however many messages. */
function callsBefore(turns: readonly Turn[], index: number): unknown[] {
  const ids: unknown[] = [];
  for (let before = index - 1; turns[before]?.role === 'assistant'; before -= 1) {
    ids.push(...idsOf(turns[before], 'tool_use', 'id'));
  }
  return ids;
}

const holds = ({ blocks }: Turn, ...types: string[]) =>
  blocks.some(({ type }) => types.some((each) => each === type));

/** With a thinking budget, tool calls that are still open must come with the thinking that led to them. */
export function checkThoughtOfTurn(messages: readonly unknown[], thinking: unknown): Problem[] {
  if (!isJsonObject(thinking) || thinking.type !== 'enabled') return [];
  const turns = turnsOf(messages);
  const asked = turns.findLastIndex((turn) => turn.role === 'user' && !holds(turn, 'tool_result'));
  const going = turns.slice(asked + 1).filter(({ role }) => role === 'assistant');
  if (going.length === 0 || going.some((turn) => holds(turn, 'thinking', 'redacted_thinking'))) return [];
  const valid = 'the thinking block as it came, before the tool_use; or no thinking in this request';
  return [
    {
      field: `messages[${asked + 1}].content`,
      problem: 'calls a tool without what was thought before',
      valid,
    },
  ];
}
