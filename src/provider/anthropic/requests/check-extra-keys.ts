import { describeSome, type Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean } from '../../../lib/nearest.ts';
import type { Params } from '../../dialect.ts';
import { isOwnTool } from './check-tools.ts';

/** What an object of the API is called, and the keys that it may have; any other is "Extra inputs are not permitted". */
type Known = { what: string; keys: readonly string[] };

const known = (what: string, keys: string): Known => ({ what, keys: keys.split(' ') });

/** Content blocks (SDK 1.12.0, `ContentBlockParam`). Results of server tools go back as they came, and are left alone. */
const BLOCKS = new Map(
  [
    known('text', 'type text cache_control citations'),
    known('image', 'type source cache_control transformations'),
    known('document', 'type source cache_control citations context title'),
    known('search_result', 'type content source title cache_control citations'),
    known('thinking', 'type thinking signature'),
    known('redacted_thinking', 'type data'),
    known('tool_use', 'type id name input cache_control caller toolset_name'),
    known('tool_result', 'type tool_use_id content is_error cache_control toolset_name'),
    known('server_tool_use', 'type id name input cache_control caller'),
    known('container_upload', 'type file_id cache_control'),
    known('tool_reference', 'type tool_name cache_control'),
  ].map(({ what, keys }): [string, Known] => [what, { what: `a ${what} block`, keys }]),
);

const SOURCES = new Map(
  [
    known('base64', 'type media_type data'),
    known('url', 'type url'),
    known('file', 'type file_id'),
    known('text', 'type media_type data'),
    known('content', 'type content'),
  ].map(({ what, keys }): [string, Known] => [what, { what: `a ${what} source`, keys }]),
);

const TOOL = known(
  'a tool',
  'name description input_schema type cache_control strict defer_loading input_examples allowed_callers eager_input_streaming',
);

/** `none` forbids tools, so that there is nothing to say about parallel ones. */
const CHOICES = new Map([
  ['auto', known('a tool choice', 'type disable_parallel_tool_use')],
  ['any', known('a tool choice', 'type disable_parallel_tool_use')],
  ['tool', known('a tool choice', 'type name disable_parallel_tool_use')],
  ['none', known('a tool choice of none', 'type')],
]);

const THINKING = new Map([
  ['enabled', known('thinking', 'type budget_tokens display')],
  ['adaptive', known('thinking', 'type budget_tokens display')],
  ['disabled', known('thinking that is disabled', 'type budget_tokens')],
]);

const METADATA = known('metadata', 'user_id');
const OUTPUT_CONFIG = known('output_config', 'effort format');
const FORMAT = known('an output format', 'type schema');
const CACHE_CONTROL = known('a cache_control', 'type ttl');
const CITATIONS = known('citations', 'enabled');

/** What is wrong within one object, which stands at `parent`. */
type Found = { parent: string; problems: Problem[] };
type Look = (value: JsonObject, field: string) => Found[];

const NONE: Found[] = [];

const extra =
  ({ what, keys }: Known): Look =>
  (value, parent) => {
    const names = Object.keys(value);
    // A file can have a hundred thousand requests, and next to none has such a key.
    if (names.every((name) => keys.includes(name))) return NONE;
    const strange = names.filter((name) => !keys.includes(name));
    const problems = describeSome(strange, `keys that ${what} does not have`, (key): Problem => {
      const name = /^\w{1,40}$/.test(key) ? `.${key}` : '';
      const problem = `is not a key of ${what}${didYouMean(key, keys)}`;
      return { field: `${parent}${name}`, problem, valid: keys.join(', ') };
    });
    return [{ parent, problems }];
  };

const byType = (kinds: ReadonlyMap<string, Known>): Look => {
  const looks = new Map([...kinds].map(([type, kind]) => [type, extra(kind)]));
  return (value, field) => {
    const look = typeof value.type === 'string' ? looks.get(value.type) : undefined;
    return look === undefined ? NONE : look(value, field);
  };
};

function one(value: unknown, field: string, look: Look): Found[] {
  return isJsonObject(value) ? look(value, field) : NONE;
}

function each(list: unknown, field: string, look: Look): Found[] {
  if (!Array.isArray(list)) return NONE;
  return list.flatMap((value: unknown, index) => one(value, `${field}[${index}]`, look));
}

const inTool = extra(TOOL);
const inChoice = byType(CHOICES);
const inThinking = byType(THINKING);
const inMetadata = extra(METADATA);
const inOutputConfig = extra(OUTPUT_CONFIG);
const inFormat = extra(FORMAT);
const inCacheControl = extra(CACHE_CONTROL);
const inCitations = extra(CITATIONS);
const ofBlock = byType(BLOCKS);
const ofSource = byType(SOURCES);

/** Blocks within blocks have none within them: what is nested deeper is none of the API's. */
const inBlock: Look = (block, field) => inOuter(block, field, inInner);
const inInner: Look = (block, field) => inOuter(block, field, () => NONE);

function inOuter(block: JsonObject, field: string, inner: Look): Found[] {
  const own = ofBlock(block, field);
  // The most of all blocks, with nothing in them.
  if (block.type === 'text' && block.cache_control === undefined) return own;
  const { type, source, cache_control, citations, content } = block;
  const hasBlocks = type === 'tool_result' || type === 'search_result';
  return [
    ...own,
    ...one(cache_control, `${field}.cache_control`, inCacheControl),
    ...one(type === 'text' ? undefined : citations, `${field}.citations`, inCitations),
    ...one(type === 'search_result' ? undefined : source, `${field}.source`, (given, at) => [
      ...ofSource(given, at),
      ...each(given.content, `${at}.content`, inner),
    ]),
    ...each(hasBlocks ? content : undefined, `${field}.content`, inner),
  ];
}

const inMessage: Look = ({ content }, field) => each(content, `${field}.content`, inBlock);
const inAnyTool: Look = (tool, field) => (isOwnTool(tool) ? inTool(tool, field) : NONE);

/**
 * Keys that the API takes nowhere in a request, as programs leave them from their own objects or from other providers. A
 * beta may bring keys of its own, so with one nothing is known. Of what `told` calls something else altogether, no more is said.
 */
export function checkExtraKeys(
  params: Params,
  betas: readonly string[],
  told: readonly Problem[],
): Problem[] {
  if (betas.length > 0) return [];
  const { messages, system, tools, tool_choice, thinking, output_config, metadata } = params;
  const format = isJsonObject(output_config) ? output_config.format : undefined;
  return [
    ...each(tools, 'tools', inAnyTool),
    ...each(system, 'system', inBlock),
    ...each(messages, 'messages', inMessage),
    ...one(tool_choice, 'tool_choice', inChoice),
    ...one(thinking, 'thinking', inThinking),
    ...one(metadata, 'metadata', inMetadata),
    ...one(output_config, 'output_config', inOutputConfig),
    ...one(format, 'output_config.format', inFormat),
  ]
    .filter(({ parent }) => !told.some(({ field }) => field === parent))
    .flatMap(({ problems }) => problems);
}
