import { isJsonObject, type JsonObject } from '../json.ts';

/** Keywords whose values are schemas by names of the caller's own, and those whose values are data. */
const BY_NAME = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
const DATA = new Set(['const', 'enum', 'default', 'examples']);

/** Types of which a list with `null` says all. */
const SCALARS: readonly unknown[] = ['string', 'number', 'integer', 'boolean'];

/**
 * A schema without what only OpenAPI, an older draft or a validator knows: `nullable` becomes what JSON Schema has for it, and an
 * `id`, or `$async`, by which a validator would give a promise in place of what it finds, is left out.
 */
export function plainSchema(given: JsonObject): JsonObject {
  const schema: JsonObject = {};
  for (const [keyword, value] of Object.entries(given)) {
    if (isOfOthers(keyword, value)) continue;
    if (DATA.has(keyword)) schema[keyword] = value;
    else if (BY_NAME.has(keyword) && isJsonObject(value)) {
      schema[keyword] = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, within(each)]));
    } else schema[keyword] = within(value);
  }
  return given.nullable === true ? orNull(schema) : schema;
}

function within(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(within);
  return isJsonObject(value) ? plainSchema(value) : value;
}

/** Whether it is a keyword that JSON Schema has nothing of. */
export const isOfOthers = (keyword: string, value: unknown): boolean =>
  keyword === '$async' || keyword === 'nullable' || (keyword === 'id' && typeof value === 'string');

/** What a schema allows, and null. */
export function orNull(schema: JsonObject): JsonObject {
  const { type } = schema;
  if (type === 'null') return schema;
  const isScalar = SCALARS.includes(type) && !('enum' in schema) && !('const' in schema);
  return isScalar ? { ...schema, type: [type, 'null'] } : { anyOf: [schema, { type: 'null' }] };
}
