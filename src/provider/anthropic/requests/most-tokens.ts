import { isJsonObject } from '../../../lib/json.ts';
import { sizeOf } from '../../../lib/media.ts';
import { pdfFacts } from '../../../lib/pdf.ts';
import type { Params } from '../../dialect.ts';
import { maximumTokens } from '../models/token-bound.ts';

/**
 * The most tokens that an image takes: about 1,600 on models to 4.6 (Anthropic's vision documentation), reported as three times
 * that on the high-resolution ones since.
 */
const MOST_IMAGE_TOKENS = 4_800;
const PIXELS_PER_TOKEN = 750;
/** Anthropic's PDF documentation: 1,500 to 3,000 tokens of text a page, and each page counts as an image besides. */
const MOST_PAGE_TOKENS = 3_000 + MOST_IMAGE_TOKENS;
/** The most tokens that an image given in base64 takes, by its pixels where its first bytes tell them. */
function mostImageTokens(base64: string): number {
  const size = sizeOf(Buffer.from(base64.slice(0, 400_000), 'base64'));
  return size === null
    ? MOST_IMAGE_TOKENS
    : Math.min(MOST_IMAGE_TOKENS, Math.ceil((size.width * size.height) / PIXELS_PER_TOKEN) + 1);
}

/** Of an image that is elsewhere, too: however large it is, it is made smaller before it is read. */
const MOST_TOKENS_OF_ANY_IMAGE = MOST_IMAGE_TOKENS;

/** The most tokens that a PDF given in base64 takes, by its pages. */
function mostPdfTokens(base64: string): number {
  return pdfFacts(base64).pages * MOST_PAGE_TOKENS;
}

/** What the API adds to a request and to each message, and what a block and a key take besides their text. */
const REQUEST_TOKENS = 20;
const PIECE_TOKENS = 4;
/** The API tells a model about its tools in a prompt of its own; those it brings along take up to 2,026 tokens each (measured). */
const TOOLS_TOKENS = 700;
const BUILT_IN_TOOL_TOKENS = 2_100;

/**
 * The most tokens that a part of a request takes, before what newer models make of a text; infinite where the API reads something
 * that is not in the request: what only the model's context can bound. Documents elsewhere, which the API can count, go to
 * `outside` in place of that.
 */
export function mostTokens(value: unknown, outside: string[]): number {
  if (typeof value === 'string') return PIECE_TOKENS + maximumTokens(value);
  if (Array.isArray(value))
    return value.reduce<number>((sum, each) => sum + mostTokens(each, outside), PIECE_TOKENS);
  if (!isJsonObject(value)) return PIECE_TOKENS + String(value).length;
  const elsewhere = sourceElsewhere(value);
  if (elsewhere !== null) outside.push(elsewhere);
  const media = elsewhere === null ? mediaTokens(value) : 0;
  let sum = PIECE_TOKENS + (media ?? 0);
  for (const [key, each] of Object.entries(value)) {
    if (media !== null && key === 'source') continue;
    if (key !== 'cache_control') sum += PIECE_TOKENS + maximumTokens(key) + mostTokens(each, outside);
  }
  return sum;
}

/** Of tools and what the API says about them. */
export function mostToolTokens(tools: readonly unknown[]): number {
  return tools.reduce<number>((sum, tool) => sum + mostTokens(tool, []) + builtInTokens(tool), TOOLS_TOKENS);
}

export const mostOverhead = REQUEST_TOKENS;

function builtInTokens(tool: unknown): number {
  const isBuiltIn = isJsonObject(tool) && typeof tool.type === 'string' && tool.type !== 'custom';
  return isBuiltIn ? BUILT_IN_TOOL_TOKENS : 0;
}

/** The most tokens that the API's own tools bring into the conversation: no count of the request holds them. */
export function mostAdded({ tools, mcp_servers, container }: Params): number {
  // Null is how programs write that there is none.
  if ((mcp_servers ?? null) !== null || (container ?? null) !== null) return Number.POSITIVE_INFINITY;
  return Array.isArray(tools) ? tools.reduce<number>((sum, tool) => sum + broughtBack(tool), 0) : 0;
}

/** What a server tool brings into the conversation. */
function broughtBack(tool: unknown): number {
  if (!isJsonObject(tool) || typeof tool.type !== 'string') return 0;
  const { type, max_uses, max_content_tokens } = tool;
  if (!/^(web_search|web_fetch|code_execution|mcp_toolset|advisor)/.test(type)) return 0;
  const isBounded =
    type.startsWith('web_fetch') && typeof max_uses === 'number' && typeof max_content_tokens === 'number';
  return isBounded ? max_uses * max_content_tokens : Number.POSITIVE_INFINITY;
}

/** A document by its `file_id` or its URL, as JSON of all that decides how many tokens it takes. */
function sourceElsewhere({ type, source, citations }: Record<string, unknown>): string | null {
  if (type !== 'document' || !isJsonObject(source)) return null;
  if (source.type !== 'file' && source.type !== 'url') return null;
  return JSON.stringify({ type, source, ...(citations != null && { citations }) });
}

/** A request of nothing but what `mostTokens` found to be elsewhere. */
export function requestOfSource(source: string, model: string): Params {
  const block: unknown = JSON.parse(source);
  return { model, messages: [{ role: 'user', content: [block] }] };
}

/** Null for a block that is text after all. */
function mediaTokens({ type, source }: Record<string, unknown>): number | null {
  if (type === 'image') {
    const isHere = isJsonObject(source) && typeof source.data === 'string';
    return isHere ? mostImageTokens(String(source.data)) : MOST_TOKENS_OF_ANY_IMAGE;
  }
  if (type === 'container_upload') return Number.POSITIVE_INFINITY;
  if (type !== 'document' || !isJsonObject(source)) return null;
  if (source.type === 'text' || source.type === 'content') return null;
  return typeof source.data === 'string' ? mostPdfTokens(source.data) : Number.POSITIVE_INFINITY;
}
