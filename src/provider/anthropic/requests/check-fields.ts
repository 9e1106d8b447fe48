import { describeSome, type Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean } from '../../../lib/nearest.ts';
import type { Params } from '../../dialect.ts';
import { mayBringKeys } from './check-keys.ts';
import { isOwnTool } from './check-tools.ts';

/**
 * What an object of the API is called, and the keys that it may have; any other gives "Extra inputs are not permitted". A
 * key whose value is checked nowhere else has a form.
 */
type Known = {
  what: string;
  keys: readonly string[];
  forms: readonly (readonly [key: string, form: Form])[];
};
type Form = { isRight: (value: unknown) => boolean; valid: string };

const isListOf = (isRight: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isRight);
const isString = (value: unknown) => typeof value === 'string';

const FORMS: Record<string, Form> = {
  text: { isRight: isString, valid: 'a text' },
  flag: { isRight: (value) => typeof value === 'boolean', valid: 'true or false, not in quotes' },
  object: { isRight: isJsonObject, valid: 'an object' },
  texts: { isRight: isListOf(isString), valid: 'a list of texts' },
  objects: { isRight: isListOf(isJsonObject), valid: 'a list of objects' },
};

/** One of a few words, as in `downsize|error`. */
function choice(words: string): Form {
  const list = words.split('|');
  return { isRight: (value) => list.some((word) => word === value), valid: list.join(', ') };
}

/** Keys as in `type title:text strict:flag`. */
function known(what: string, spec: string): Known {
  const entries = spec.split(' ').map((entry) => entry.split(':'));
  return {
    what,
    keys: entries.map(([key = '']) => key),
    forms: entries.flatMap(([key = '', form]) =>
      form === undefined ? [] : [[key, FORMS[form] ?? choice(form)] as const],
    ),
  };
}

/** Content blocks (SDK 1.12.0, `ContentBlockParam`). Results of server tools are returned as they came, so they are not checked. */
const BLOCKS = new Map(
  [
    known('text', 'type text cache_control citations:objects'),
    known('image', 'type source cache_control transformations:object'),
    known('document', 'type source cache_control citations:object context:text title:text'),
    known('search_result', 'type content source title cache_control citations:object'),
    known('thinking', 'type thinking signature'),
    known('redacted_thinking', 'type data'),
    known('tool_use', 'type id name input cache_control caller:object toolset_name:text'),
    known('tool_result', 'type tool_use_id content is_error:flag cache_control toolset_name:text'),
    known('server_tool_use', 'type id name input cache_control caller:object'),
    known('container_upload', 'type file_id:text cache_control'),
    known('tool_reference', 'type tool_name:text cache_control'),
  ].map((each): [string, Known] => [each.what, { ...each, what: `a ${each.what} block` }]),
);

const SOURCES = new Map(
  [
    known('base64', 'type media_type data'),
    known('url', 'type url'),
    known('file', 'type file_id'),
    known('text', 'type media_type data'),
    known('content', 'type content'),
  ].map((each): [string, Known] => [each.what, { ...each, what: `a ${each.what} source` }]),
);

const TOOL = known(
  'a tool',
  'name description:text input_schema type cache_control strict:flag defer_loading:flag input_examples:objects ' +
    'allowed_callers:texts eager_input_streaming:flag',
);

/** `none` forbids tools, so it has no setting for parallel ones. */
const CHOICES = new Map([
  ['auto', known('a tool choice', 'type disable_parallel_tool_use:flag')],
  ['any', known('a tool choice', 'type disable_parallel_tool_use:flag')],
  ['tool', known('a tool choice', 'type name disable_parallel_tool_use:flag')],
  ['none', known('a tool choice of none', 'type')],
]);

const THINKING = new Map([
  ['enabled', known('thinking', 'type budget_tokens display:summarized|omitted')],
  ['adaptive', known('thinking', 'type budget_tokens display:summarized|omitted')],
  ['disabled', known('thinking that is disabled', 'type budget_tokens')],
]);

const METADATA = known('metadata', 'user_id');
const OUTPUT_CONFIG = known('output_config', 'effort format');
const FORMAT = known('an output format', 'type schema');
const CACHE_CONTROL = known('a cache_control', 'type ttl');
const TRANSFORMATIONS = known('transformations', 'oversized_image:downsize|error');
const CITATIONS = known('citations', 'enabled:flag');

/** What is wrong within the object at `parent`. */
type Found = { parent: string; problems: Problem[] };
type Look = (value: JsonObject, field: string) => Found[];

const NONE: Found[] = [];

const inObject =
  (kind: Known): Look =>
  (value, parent) => {
    const problems = [...ofKeys(value, parent, kind), ...ofValues(value, parent, kind)];
    return problems.length === 0 ? NONE : [{ parent, problems }];
  };

function ofKeys(value: JsonObject, parent: string, { what, keys }: Known): Problem[] {
  const names = Object.keys(value);
  // A file can have a hundred thousand requests, and hardly any has such a key.
  if (names.every((name) => keys.includes(name))) return [];
  const strange = names.filter((name) => !keys.includes(name));
  return describeSome(strange, `keys that ${what} does not have`, (key): Problem => {
    const name = /^\w{1,40}$/.test(key) ? `.${key}` : '';
    const problem = `is not a key of ${what}${didYouMean(key, keys)}`;
    return { field: `${parent}${name}`, problem, valid: keys.join(', ') };
  });
}

/** Null is ignored here: which keys may be null, and where nulls are left out, is decided in `leave-out-nulls.ts`. */
function ofValues(value: JsonObject, parent: string, { forms }: Known): Problem[] {
  return forms.flatMap(([key, { isRight, valid }]) =>
    (value[key] ?? null) === null || isRight(value[key])
      ? []
      : [{ field: `${parent}.${key}`, problem: 'is not as the API takes it', valid }],
  );
}

const byType = (kinds: ReadonlyMap<string, Known>): Look => {
  const looks = new Map([...kinds].map(([type, kind]) => [type, inObject(kind)]));
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

const inTool = inObject(TOOL);
const inChoice = byType(CHOICES);
const inThinking = byType(THINKING);
const inMetadata = inObject(METADATA);
const inOutputConfig = inObject(OUTPUT_CONFIG);
const inFormat = inObject(FORMAT);
const inCacheControl = inObject(CACHE_CONTROL);
const inTransformations = inObject(TRANSFORMATIONS);
const inCitations = inObject(CITATIONS);
const ofBlock = byType(BLOCKS);
const ofSource = byType(SOURCES);

/** Blocks within blocks contain no further blocks: anything nested deeper does not belong to the API. */
const inBlock: Look = (block, field) => inOuter(block, field, inInner);
const inInner: Look = (block, field) => inOuter(block, field, () => NONE);

function inOuter(block: JsonObject, field: string, inner: Look): Found[] {
  const own = ofBlock(block, field);
  // Most blocks, and nothing in them to check.
  if (block.type === 'text' && block.cache_control === undefined) return own;
  const { type, source, cache_control, citations, content, transformations } = block;
  const hasBlocks = type === 'tool_result' || type === 'search_result';
  return [
    ...own,
    ...one(cache_control, `${field}.cache_control`, inCacheControl),
    ...one(type === 'text' ? undefined : citations, `${field}.citations`, inCitations),
    ...one(type === 'image' ? transformations : undefined, `${field}.transformations`, inTransformations),
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
 * Finds keys that the API takes nowhere in a request, which programs leave from their own objects or from other providers,
 * and values of a wrong type. A beta may bring keys of its own, so with such a beta nothing is known. Objects that `told`
 * reports as something else altogether are not mentioned again.
 */
export function checkFields(params: Params, betas: readonly string[], told: readonly Problem[]): Problem[] {
  if (mayBringKeys(betas)) return [];
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
