import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { Model } from '../../models.ts';
import { checkBlock } from './check-blocks.ts';
import { mayBringKeys } from './check-keys.ts';
import { checkThoughtOfTurn, checkToolTurns } from './check-tool-turns.ts';

/** `system` is an instruction in mid-conversation, from Opus 4.8 on (Mid-conversation system messages documentation). */
const ROLES = ['user', 'assistant', 'system'];
const CONTENT = 'a non-empty text, or a non-empty list of content blocks, each an object with a "type"';
const MESSAGES = 'a non-empty list of messages, as in [{"role": "user", "content": "…"}]';

/** Keys that messages of other providers have besides or instead of role and content. */
const FOREIGN_KEYS = new Map([
  ['tool_calls', 'is OpenAI\'s: here a call is a content block, {"type": "tool_use", "id", "name", "input"}'],
  [
    'tool_call_id',
    'is OpenAI\'s: here a result is a content block of the user, {"type": "tool_result", "tool_use_id", "content"}',
  ],
  [
    'function_call',
    'is OpenAI\'s: here a call is a content block, {"type": "tool_use", "id", "name", "input"}',
  ],
  ['parts', "is Gemini's: here it is called content"],
  [
    'prefix',
    "is Mistral's: here a last message of the assistant is the start of the answer, where a model takes one",
  ],
  ['name', "is OpenAI's: here a message has no name"],
  ['refusal', "is OpenAI's, and has no place here"],
  ['audio', "is OpenAI's, and has no place here"],
  ['annotations', "is OpenAI's, and has no place here"],
  [
    'reasoning_content',
    'is another provider\'s: here it is a content block, {"type": "thinking", "thinking", "signature"}',
  ],
]);

/** Roles of other providers, with their equivalents here. */
const FOREIGN_ROLES = new Map([
  ['developer', 'OpenAI\'s; valid here is the param "system"'],
  ['tool', "OpenAI's; here a tool_result block of the user stands for it"],
  ['function', "OpenAI's; here a tool_result block of the user stands for it"],
  ['model', "Gemini's; here it is assistant"],
]);

function isBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === '';
}

/** Checks a message's `content`, or `system`: a text or a list of blocks. */
export function checkContent(content: unknown, field: string, role: string): Problem[] {
  if (Array.isArray(content) && content.length > 0) {
    const problems = content.flatMap((block: unknown, index) =>
      checkBlock(block, `${field}[${index}]`, role),
    );
    return problems.length > 0 || role !== 'system' ? problems : checkTextsOnly(content, field);
  }
  if (typeof content === 'string' && !isBlank(content)) return [];
  const isEmpty = isBlank(content) || Array.isArray(content);
  return [{ field, problem: isEmpty ? 'is empty' : 'is neither a text nor a list', valid: CONTENT }];
}

function checkTextsOnly(blocks: readonly unknown[], field: string): Problem[] {
  return blocks.flatMap((block, index) =>
    isJsonObject(block) && block.type === 'text'
      ? []
      : [
          {
            field: `${field}[${index}]`,
            problem: 'is not a text block',
            valid: 'text blocks only; the rest goes into a message of the user',
          },
        ],
  );
}

/** An assistant message can't end with thinking. */
function checkLastBlock({ role, content }: JsonObject, field: string): Problem[] {
  const last: unknown = role === 'assistant' && Array.isArray(content) ? content.at(-1) : undefined;
  if (!isJsonObject(last) || (last.type !== 'thinking' && last.type !== 'redacted_thinking')) return [];
  const valid = 'a text or a tool call after it; or leave the message out';
  return [{ field, problem: `is a ${last.type} block, and the last of its message`, valid }];
}

function checkMessage(message: unknown, field: string, betas: readonly string[]): Problem[] {
  if (!isJsonObject(message)) return [{ field, problem: 'is not a message', valid: MESSAGES }];
  const { role } = message;
  const keys = checkMessageKeys(message, field, betas);
  // If another provider's name for content was reported, don't report missing content too.
  const content =
    keys.length > 0 && !('content' in message)
      ? []
      : checkContent(message.content, `${field}.content`, String(role));
  const last = Array.isArray(message.content) ? message.content.length - 1 : 0;
  return [
    ...checkRole(role, `${field}.role`),
    ...keys,
    ...content,
    ...checkLastBlock(message, `${field}.content[${last}]`),
  ];
}

function checkRole(role: unknown, field: string): Problem[] {
  if (typeof role === 'string' && ROLES.includes(role)) return [];
  const foreign = typeof role === 'string' ? FOREIGN_ROLES.get(role) : undefined;
  return [
    { field, problem: foreign === undefined ? 'is not a role' : `is ${foreign}`, valid: ROLES.join(', ') },
  ];
}

/** A beta may bring keys of its own; without such a beta there are no others. */
function checkMessageKeys(message: JsonObject, field: string, betas: readonly string[]): Problem[] {
  return Object.keys(message).flatMap((key): Problem[] => {
    if (key === 'role' || key === 'content') return [];
    const foreign = FOREIGN_KEYS.get(key);
    if (foreign !== undefined)
      return [{ field: `${field}.${key}`, problem: foreign, valid: 'role and content' }];
    if (mayBringKeys(betas)) return [];
    const name = /^\w{1,40}$/.test(key) ? `.${key}` : '';
    return [
      { field: `${field}${name}`, problem: 'is not a key of a message', valid: 'role and content alone' },
    ];
  });
}

/**
 * Whether the conversation ends with the start of an answer. Ending with a tool's blocks does not count: that is how a
 * paused answer is continued.
 */
function isPrefilled(last: unknown): boolean {
  if (!isJsonObject(last) || last.role !== 'assistant') return false;
  const block: unknown = Array.isArray(last.content) ? last.content.at(-1) : last.content;
  return typeof block === 'string' || (isJsonObject(block) && block.type === 'text');
}

/** What is wrong with the start of an answer, for a model that takes one. */
function checkPrefill(last: unknown, field: string, thinking: unknown): Problem[] {
  if (!isPrefilled(last) || !isJsonObject(last)) return [];
  const block: unknown = Array.isArray(last.content) ? last.content.at(-1) : last.content;
  const start: unknown = isJsonObject(block) ? block.text : block;
  if (isJsonObject(thinking) && thinking.type === 'enabled') {
    const problem = 'is the start of an answer, which goes without thinking';
    return [{ field, problem, valid: 'a last message by the user, or no thinking' }];
  }
  return typeof start === 'string' && /\s$/.test(start)
    ? [
        {
          field,
          problem: 'is the start of an answer and ends with white space',
          valid: 'the same without it',
        },
      ]
    : [];
}

/** Checks who speaks first, and whether the system may speak in mid-conversation. */
function checkPlaces(messages: readonly unknown[], field: string, model: Model | undefined): Problem[] {
  const roles = messages.map((message) => (isJsonObject(message) ? message.role : undefined));
  if (roles[0] === 'assistant') {
    const problem = "the first message must be the user's";
    return [{ field: `${field}[0].role`, problem, valid: 'user' }];
  }
  const at = roles.indexOf('system');
  const valid = 'the param "system" for what holds from the start, and a first message of the user';
  if (at === 0)
    return [{ field: `${field}[0].role`, problem: "is OpenAI's place for a system prompt", valid }];
  if (at === -1 || model?.system_messages !== false) return [];
  const problem = `${model.id} takes no messages of the system's`;
  return [{ field: `${field}[${at}].role`, problem, valid: 'the param "system", or a message of the user' }];
}

/** Checks a request's `messages` as the API will; `model` is undefined if it is not known. */
export function checkMessages(
  messages: unknown,
  model: Model | undefined,
  { betas, thinking }: { betas: readonly string[]; thinking: unknown },
): Problem[] {
  const field = 'messages';
  if (!Array.isArray(messages)) {
    const problem = messages === undefined || messages === null ? 'is missing' : 'is not a list';
    return [{ field, problem, valid: MESSAGES }];
  }
  if (messages.length === 0) return [{ field, problem: 'is empty', valid: MESSAGES }];

  const problems = messages.flatMap((message: unknown, index) =>
    checkMessage(message, `${field}[${index}]`, betas),
  );
  problems.push(...checkPlaces(messages, field, model));
  if (model?.refuses.includes('prefill') && isPrefilled(messages.at(-1))) {
    problems.push({
      field: `${field}[${messages.length - 1}]`,
      problem: `${model.id} does not take the start of its answer from a last assistant message`,
      valid: 'a last message by the user; ask for the form of the answer there, or with output_config.format',
    });
  } else problems.push(...checkPrefill(messages.at(-1), `${field}[${messages.length - 1}]`, thinking));
  if (problems.length > 0) return problems;
  return [...checkToolTurns(messages), ...checkThoughtOfTurn(messages, thinking)];
}
