import { isJsonObject, type JsonObject } from '../../../lib/json.ts';

/** A piece of what a model said. */
export type Block = JsonObject & { type: string };

export function isBlock(value: unknown): value is Block {
  return isJsonObject(value) && typeof value.type === 'string';
}

const isText = ({ type }: Block) => type === 'text';
const textOfBlock = ({ text }: Block) => (typeof text === 'string' ? text : '');
/** White space and invisible characters, such as a zero-width space, a control character or a Braille blank. */
const UNSEEN = /^[\s\p{Cc}\u2800\p{Default_Ignorable_Code_Point}]*$/u;
export const isBlank = (text: string): boolean => UNSEEN.test(text);

/**
 * Blocks that only lead to an answer: thinking, a change of models, calls of the provider's own tools, what was looked up or advised. The
 * output of code or of another server is not among them: it can be all that was asked for, and getting it may have had effects that must not be repeated.
 */
const ON_THE_WAY =
  /^(thinking|redacted_thinking|fallback|server_tool_use|mcp_tool_use|(web_search|web_fetch|tool_search|advisor)_tool_result)$/;
export const isOnTheWay = (type: string): boolean => ON_THE_WAY.test(type);

/** Whether it is an answer: a text that is not blank, or anything else except what only led to one. */
export function hasAnswer(content: readonly Block[]): boolean {
  return content.some((block) => (isText(block) ? !isBlank(textOfBlock(block)) : !isOnTheWay(block.type)));
}

/**
 * The text of all text blocks. Citations split one text into several adjacent blocks; texts with a tool's call or result
 * between them are separate, and get a blank line between them.
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

/** The kinds of content that neither the text nor the tool calls show, each once. */
export function leftOutOf(content: readonly Block[]): string[] {
  const kinds = content.flatMap((block) => {
    if (isText(block)) return hasCitations(block) ? ['citations'] : [];
    return block.type === 'tool_use' ? [] : [block.type];
  });
  return [...new Set(kinds)];
}
