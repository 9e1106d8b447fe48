import { plainNumbers, stringifyExact } from '../../../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { isOfOthers, orNull } from '../../../lib/schema/plain-schema.ts';

/** A keyword that structured output does not take, and its field. */
export type Moved = { field: string; keyword: string; isRefused: boolean; isOurs?: true };

/** Keywords as they stand (structured outputs documentation; the SDK's `transformJSONSchema`). */
const TAKEN = new Set(
  'type description title default required additionalProperties $ref properties $defs definitions items anyOf allOf'.split(
    ' ',
  ),
);

/** Meaningless both for a model and for its answer. */
const SILENT = new Set(['$schema', '$id', '$comment']);

/** Checked here alone. */
export const OURS = new Set(['x-in-input', 'x-max-column']);

const FORMATS = new Set(
  'date-time time date duration email hostname uri ipv4 ipv6 uuid'.split(' ').map((name): unknown => name),
);

/** The API answers a request with one of these with a 400; how it treats others is not known. */
const REFUSED = new Set(
  (
    'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format enum const minItems ' +
    'maxItems uniqueItems contains minContains maxContains prefixItems items additionalItems unevaluatedItems minProperties ' +
    'maxProperties patternProperties propertyNames dependentRequired dependentSchemas dependencies unevaluatedProperties ' +
    'oneOf not if then else'
  ).split(' '),
);

/** Lookarounds, back references and word boundaries, which patterns can't have there. */
const NO_PATTERN = /\(\?[=!<]|\\[1-9bBk]/;

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

const isPrimitive = (value: unknown) => typeof value !== 'object' || value === null;
const arePrimitive = (value: unknown) =>
  Array.isArray(value) && value.every((each) => isPrimitive(plainNumbers(each)));

/** The accepted values of keywords that are accepted only in part. */
const TAKEN_IN_PART = new Map<string, (value: unknown) => boolean>([
  ['enum', arePrimitive],
  ['const', (value) => isPrimitive(plainNumbers(value))],
  ['minItems', (value) => value === 0 || value === 1],
  ['format', (value) => FORMATS.has(value)],
  ['pattern', (value) => typeof value === 'string' && !NO_PATTERN.test(value) && isPattern(value)],
]);

function isTaken(keyword: string, value: unknown): boolean {
  if (keyword === 'items') return !Array.isArray(value);
  return TAKEN.has(keyword) || TAKEN_IN_PART.get(keyword)?.(value) === true;
}

/**
 * A schema as structured output takes it: what it does not take is moved into the descriptions, as the SDK does, and listed in
 * `moved`. Numbers stay as they were written.
 */
export function takenSchema(given: JsonObject, field: string): { schema: JsonObject; moved: Moved[] } {
  const moved: Moved[] = [];
  // An answer is an object, whatever else is allowed.
  const { nullable: _nullable, ...root } = given;
  return { schema: taken(root, field, moved), moved };
}

function taken(given: JsonObject, path: string, moved: Moved[]): JsonObject {
  const within = (value: unknown, at: string): unknown =>
    isJsonObject(value) ? taken(value, at, moved) : value;
  const list = (value: unknown, at: string): unknown =>
    Array.isArray(value) ? value.map((each, index) => within(each, `${at}[${index}]`)) : value;
  const named = (value: unknown, at: string): unknown =>
    isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, within(each, `${at}.${name}`)]))
      : value;

  const schema: JsonObject = {};
  const left: [keyword: string, value: unknown][] = [];
  for (const [keyword, value] of Object.entries(given)) {
    const at = `${path}.${keyword}`;
    if (SILENT.has(keyword) || isOfOthers(keyword, value)) continue;
    if (OURS.has(keyword)) {
      moved.push({ field: at, keyword, isRefused: true, isOurs: true });
      continue;
    }
    if (keyword === 'oneOf' && !('anyOf' in given)) {
      schema.anyOf = list(value, at);
      moved.push({ field: at, keyword, isRefused: true });
    } else if (!isTaken(keyword, value)) {
      left.push([keyword, value]);
      moved.push({ field: at, keyword, isRefused: REFUSED.has(keyword) });
    } else if (keyword === 'items') schema.items = within(value, at);
    else if (keyword === 'anyOf' || keyword === 'allOf') schema[keyword] = list(value, at);
    else if (['properties', '$defs', 'definitions'].includes(keyword)) schema[keyword] = named(value, at);
    else schema[keyword] = value;
  }
  if (left.length > 0) schema.description = described(given.description, left);
  const alone = aloneWhereReferred(schema);
  return given.nullable === true ? orNull(alone) : alone;
}

/** In the SDK's notation, `{minimum: 1, maximum: 10}`, below the existing description. */
function described(description: unknown, left: readonly [string, unknown][]): string {
  const before = typeof description === 'string' && description !== '' ? `${description}\n\n` : '';
  return `${before}{${left.map(([keyword, value]) => `${keyword}: ${stringifyExact(value)}`).join(', ')}}`;
}

/** The API reads a reference only by itself, so its neighbors are moved into a schema around it. */
function aloneWhereReferred(schema: JsonObject): JsonObject {
  const { $ref, ...beside } = schema;
  const isAlone = Object.keys(beside).every((keyword) => keyword === '$defs' || keyword === 'definitions');
  return $ref === undefined || isAlone || 'anyOf' in beside ? schema : { anyOf: [{ $ref }], ...beside };
}
