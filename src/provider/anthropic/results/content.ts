import { isJsonObject, type JsonObject } from '../../../lib/json.ts';

/** A piece of what a model said. */
export type Block = JsonObject & { type: string };

export function isBlock(value: unknown): value is Block {
  return isJsonObject(value) && typeof value.type === 'string';
}

const isText = ({ type }: Block) => type === 'text';
const textOfBlock = ({ text }: Block) => (typeof text === 'string' ? text : '');
/** White space, and characters that nobody sees, as a zero-width space, a control character or Braille without a dot. */
const UNSEEN = /^[\s\p{Cc}\u2800\p{Default_Ignorable_Code_Point}]*$/u;
export const isBlank = (text: string): boolean => UNSEEN.test(text);

/**
 * Blocks of what leads to an answer: thoughts, a change of models, calls of the provider's own tools, what was looked up or advised. What code or
 * another server gave back can be all that was asked for, and may have done something that is not to be done twice.
 */
const ON_THE_WAY =
  /^(thinking|redacted_thinking|fallback|server_tool_use|mcp_tool_use|(web_search|web_fetch|tool_search|advisor)_tool_result)$/;
export const isOnTheWay = (type: string): boolean => ON_THE_WAY.test(type);

/** Whether it is an answer: a text that is not blank, or anything else but what led to one. */
export function hasAnswer(content: readonly Block[]): boolean {
  return content.some((block) => (isText(block) ? !isBlank(textOfBlock(block)) : !isOnTheWay(block.type)));
}

/**
 * The text of all text blocks. Citations split one text into several blocks, side by side; what a tool's call or result
 * stands between are several texts, with a blank line between them.
 */
export function textOf(content: readonly Block[]): string {
  const texts: string[] = [];
  let before: Block | undefined;
  for (const block of content) {
    if (isText(block)) {
      const beside = before !== undefined && isText(before) ? (texts.pop() ?? '') : '';
      texts.push(beside + textOfBlock(block));
    }
    before = block;
  }
  return texts.filter((text) => !isBlank(text)).join('\n\n');
}

/** Calls of the request's own tools, which nobody has run. */
export function toolCallsOf(content: readonly Block[]) {
  return content
    .filter(({ type }) => type === 'tool_use')
    .map(({ id, name, input }) => ({
      ...(typeof id === 'string' && { id }),
      name: typeof name === 'string' ? name : '',
      input: input ?? null,
    }));
}

const hasCitations = ({ citations }: Block) => Array.isArray(citations) && citations.length > 0;

const PLAIN_KEYS = new Set(['type', 'text', 'citations']);

/** Whether its text alone is all of it. */
export function isOneText(content: readonly Block[]): boolean {
  return (
    content.length === 1 &&
    hasAnswer(content) &&
    content.every(
      (block) =>
        isText(block) && !hasCitations(block) && Object.keys(block).every((key) => PLAIN_KEYS.has(key)),
    )
  );
}

/** Kinds of what neither the text nor the tool calls show, each once. */
export function leftOutOf(content: readonly Block[]): string[] {
  const kinds = content.flatMap((block) => {
    if (isText(block)) return hasCitations(block) ? ['citations'] : [];
    return block.type === 'tool_use' ? [] : [block.type];
  });
  return [...new Set(kinds)];
}
