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
    ...each(tools, 'tools', (tool, field) => (isOwnTool(tool) ? extra(TOOL)(tool, field) : [])),
    ...each(system, 'system', inBlock),
    ...each(messages, 'messages', ({ content }, field) => each(content, `${field}.content`, inBlock)),
    ...one(tool_choice, 'tool_choice', byType(CHOICES)),
    ...one(thinking, 'thinking', byType(THINKING)),
    ...one(metadata, 'metadata', extra(METADATA)),
    ...one(output_config, 'output_config', extra(OUTPUT_CONFIG)),
    ...one(format, 'output_config.format', extra(FORMAT)),
  ]
    .filter(({ parent }) => !told.some(({ field }) => field === parent))
    .flatMap(({ problems }) => problems);
}

/** Blocks within blocks have none within them: what is nested deeper is none of the API's. */
const inBlock: Look = (block, field) => inOuter(block, field, (inner, at) => inOuter(inner, at, () => []));

function inOuter(block: JsonObject, field: string, inner: Look): Found[] {
  const { type, source, cache_control, citations, content } = block;
  const hasBlocks = type === 'tool_result' || type === 'search_result';
  return [
    ...byType(BLOCKS)(block, field),
    ...one(cache_control, `${field}.cache_control`, extra(CACHE_CONTROL)),
    ...one(type === 'text' ? undefined : citations, `${field}.citations`, extra(CITATIONS)),
    ...one(type === 'search_result' ? undefined : source, `${field}.source`, inSource(inner)),
    ...each(hasBlocks ? content : undefined, `${field}.content`, inner),
  ];
}

const inSource =
  (inner: Look): Look =>
  (source, field) => [...byType(SOURCES)(source, field), ...each(source.content, `${field}.content`, inner)];

function one(value: unknown, field: string, look: Look): Found[] {
  return isJsonObject(value) ? look(value, field) : [];
}

function each(list: unknown, field: string, look: Look): Found[] {
  return Array.isArray(list)
    ? list.flatMap((value: unknown, index) => one(value, `${field}[${index}]`, look))
    : [];
}

const byType =
  (kinds: ReadonlyMap<string, Known>): Look =>
  (value, field) => {
    const kind = typeof value.type === 'string' ? kinds.get(value.type) : undefined;
    return kind === undefined ? [] : extra(kind)(value, field);
  };

const extra =
  ({ what, keys }: Known): Look =>
  (value, parent) => {
    const strange = Object.keys(value).filter((key) => !keys.includes(key));
    if (strange.length === 0) return [];
    const problems = describeSome(strange, `keys that ${what} does not have`, (key): Problem => {
      const name = /^\w{1,40}$/.test(key) ? `.${key}` : '';
      const problem = `is not a key of ${what}${didYouMean(key, keys)}`;
      return { field: `${parent}${name}`, problem, valid: keys.join(', ') };
    });
    return [{ parent, problems }];
  };
