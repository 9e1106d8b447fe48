import type { Problem } from '../../../errors.ts';
import { isJsonObject } from '../../../lib/json.ts';
import type { Model } from '../../models.ts';

/** `system` within a conversation is an instruction in mid-conversation (Messages API, `MessageParam`). */
const ROLES = ['user', 'assistant', 'system'];
const CONTENT = 'a non-empty text, or a non-empty list of content blocks, each an object with a "type"';
const MESSAGES = 'a non-empty list of messages, as in [{"role": "user", "content": "…"}]';

function isBlank(value: unknown): boolean {
  return typeof value === 'string' && value.trim() === '';
}

function checkBlock(block: unknown, field: string): Problem[] {
  if (!isJsonObject(block) || typeof block.type !== 'string' || block.type === '') {
    return [{ field, problem: 'is not a content block', valid: 'an object with a "type", such as "text"' }];
  }
  if (block.type === 'text' && (typeof block.text !== 'string' || isBlank(block.text))) {
    return [{ field: `${field}.text`, problem: 'is missing or blank', valid: 'a text that is not blank' }];
  }
  return [];
}

/** Checks a message's `content`, or `system`: a text or a list of blocks. */
export function checkContent(content: unknown, field: string): Problem[] {
  if (Array.isArray(content) && content.length > 0) {
    return content.flatMap((block: unknown, index) => checkBlock(block, `${field}[${index}]`));
  }
  if (typeof content === 'string' && !isBlank(content)) return [];
  const isEmpty = isBlank(content) || Array.isArray(content);
  return [{ field, problem: isEmpty ? 'is empty' : 'is neither a text nor a list', valid: CONTENT }];
}

function checkMessage(message: unknown, field: string): Problem[] {
  if (!isJsonObject(message)) return [{ field, problem: 'is not a message', valid: MESSAGES }];
  const problems = checkContent(message.content, `${field}.content`);
  if (typeof message.role === 'string' && ROLES.includes(message.role)) return problems;
  return [{ field: `${field}.role`, problem: 'is not a role', valid: ROLES.join(', ') }, ...problems];
}

/**
 * Whether the conversation ends with the start of an answer. One that ends with a tool's blocks is not that:
 * so an answer that paused is taken up again.
 */
function isPrefilled(last: unknown): boolean {
  if (!isJsonObject(last) || last.role !== 'assistant') return false;
  const block: unknown = Array.isArray(last.content) ? last.content.at(-1) : last.content;
  return typeof block === 'string' || (isJsonObject(block) && block.type === 'text');
}

/** Checks a request's `messages` as the API will; `model` is undefined where it is not known. */
export function checkMessages(messages: unknown, model: Model | undefined): Problem[] {
  const field = 'messages';
  if (!Array.isArray(messages)) {
    const problem = messages === undefined ? 'is missing' : 'is not a list';
    return [{ field, problem, valid: MESSAGES }];
  }
  if (messages.length === 0) return [{ field, problem: 'is empty', valid: MESSAGES }];

  const problems = messages.flatMap((message: unknown, index) => checkMessage(message, `${field}[${index}]`));
  const first: unknown = messages[0];
  if (isJsonObject(first) && first.role === 'assistant') {
    problems.push({
      field: `${field}[0].role`,
      problem: 'the first message must be the user’s',
      valid: 'user',
    });
  }
  if (model?.refuses.includes('prefill') && isPrefilled(messages.at(-1))) {
    problems.push({
      field: `${field}[${messages.length - 1}]`,
      problem: `${model.id} does not take the start of its answer from a last assistant message`,
      valid: 'a last message by the user; ask for the form of the answer there, or with output_config.format',
    });
  }
  return problems;
}
