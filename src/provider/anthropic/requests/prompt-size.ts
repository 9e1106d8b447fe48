import { stringifyExact } from '../../../lib/exact-json.ts';
import { isJsonObject } from '../../../lib/json.ts';
import type { Params, PromptSize } from '../../dialect.ts';
import { mostAdded, mostOverhead, mostTokens, mostToolTokens } from './most-tokens.ts';

/** Anthropic's vision documentation: an image takes at most about 1,600 tokens, of four bytes each here. */
const IMAGE_BYTES = 1_600 * 4;
/** A page of a PDF takes 1,500 to 3,000 tokens and some 50 KB, so a token stands for about 25 bytes of it. */
const PDF_BYTES_PER_BYTE = 4 / 25;
const LEAST_PDF_BYTES = 2_000 * 4;

/** Keys whose values no model reads as text. */
const SILENT = new Set(['type', 'role', 'id', 'tool_use_id', 'media_type', 'cache_control', 'signature']);

type Walk = {
  bytes: number;
  cached: number;
  ttl: '5m' | '1h';
  media: boolean;
  text: string[] | null;
  /** How many of the texts stand before the last mark. */
  cachedTexts: number;
  /** Whether what is no text stands among the texts, by what tells it from others. */
  withMedia: boolean;
};

/** Sizes a request without keeping any of it. */
export function promptSize(params: Params): PromptSize {
  const walk = walkParams(params, null);
  const added_tokens = mostAdded(params);
  const sources: string[] = [];
  const rest_tokens = mostOf(params, sources) + added_tokens;
  const isCountable = sources.length > 0 && Number.isFinite(rest_tokens);
  return {
    bytes: walk.bytes,
    most_tokens: sources.length > 0 ? Number.POSITIVE_INFINITY : rest_tokens,
    outside: isCountable ? { sources, rest_tokens } : null,
    added_tokens,
    cached_bytes: walk.cached,
    cache_ttl: walk.ttl,
    has_media: walk.media,
    searches: maximumSearches(params.tools),
  };
}

function mostOf({ tools, output_config, system, messages }: Params, outside: string[]): number {
  return (
    mostOverhead +
    (Array.isArray(tools) ? mostToolTokens(tools) : 0) +
    [output_config, system, messages].reduce<number>(
      (sum, each) => sum + (each === undefined ? 0 : mostTokens(each, outside)),
      0,
    )
  );
}

/** The text of a request, in the order in which a model reads it. */
export function promptText(params: Params): string {
  const text: string[] = [];
  walkParams(params, text);
  return text.join('\n');
}

/** What tells a request's beginning up to its last mark from another one. */
export function cachedText(params: Params): string {
  const text: string[] = [];
  const { cachedTexts } = walkParams(params, text, true);
  return text.slice(0, cachedTexts).join('\n');
}

/** In the order of the API's cache: tools, system, messages. */
function walkParams(params: Params, text: string[] | null, withMedia = false): Walk {
  const walk: Walk = { bytes: 0, cached: 0, ttl: '5m', media: false, text, cachedTexts: 0, withMedia };
  if (Array.isArray(params.tools)) {
    for (const tool of params.tools) {
      addText(walk, JSON.stringify(tool));
      noteCache(walk, tool);
    }
  }
  if (params.output_config !== undefined) addText(walk, stringifyExact(params.output_config));
  walkValue(walk, params.system);
  walkValue(walk, params.messages);
  noteCache(walk, params);
  return walk;
}

function addText(walk: Walk, text: string): void {
  walk.bytes += Buffer.byteLength(text);
  walk.text?.push(text);
}

function walkValue(walk: Walk, value: unknown): void {
  if (typeof value === 'string') addText(walk, value);
  else if (Array.isArray(value)) {
    for (const each of value) walkValue(walk, each);
  } else if (isJsonObject(value)) {
    const media = mediaBytes(value);
    if (media !== null) {
      walk.bytes += media;
      walk.media = true;
      if (walk.withMedia) walk.text?.push(stringifyExact(value));
    } else {
      for (const [key, each] of Object.entries(value)) {
        if (!SILENT.has(key)) walkValue(walk, each);
      }
    }
    noteCache(walk, value);
  }
}

function noteCache(walk: Walk, value: unknown): void {
  if (!isJsonObject(value) || !isJsonObject(value.cache_control)) return;
  walk.cached = walk.bytes;
  walk.cachedTexts = walk.text?.length ?? 0;
  if (value.cache_control.ttl === '1h') walk.ttl = '1h';
}

/** Null for a block that is text after all. */
function mediaBytes(block: Record<string, unknown>): number | null {
  const { type, source } = block;
  if (type === 'image') return IMAGE_BYTES;
  if (type !== 'document' || !isJsonObject(source) || source.type === 'text' || source.type === 'content') {
    return null;
  }
  // Base64 takes four characters for three bytes. Of a file elsewhere nothing is known.
  const bytes = typeof source.data === 'string' ? source.data.length * 0.75 : 0;
  return Math.max(LEAST_PDF_BYTES, bytes * PDF_BYTES_PER_BYTE);
}

/** Web searches that a request may make at most; null where its tools set no bound. */
function maximumSearches(tools: unknown): number | null {
  if (!Array.isArray(tools)) return 0;
  let sum = 0;
  for (const tool of tools) {
    if (!isJsonObject(tool) || typeof tool.type !== 'string' || !tool.type.startsWith('web_search')) continue;
    if (typeof tool.max_uses !== 'number') return null;
    sum += tool.max_uses;
  }
  return sum;
}
