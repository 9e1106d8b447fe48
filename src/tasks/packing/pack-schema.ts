import { isJsonObject, type JsonObject } from '../../lib/json.ts';

/** The place of a single answer's schema in that of all. */
const WITHIN = '#/properties/answers/items/properties/answer';

/** Keywords whose values are data, in which `$ref` is not a reference. */
const DATA = new Set(['enum', 'const', 'default', 'examples']);

/**
 * The schema of the answers to rows that share a request: the same for all requests of the work, as it contains no
 * row's id. `answer` is the schema for one row in the provider's form; without one an answer is a text.
 */
export function packSchema(answer: JsonObject | undefined): JsonObject {
  const { $defs, definitions, ...own } = answer ?? { type: 'string' };
  const entry = {
    type: 'object',
    properties: { id: { type: 'string', description: 'The id of the row.' }, answer: moved(own) },
    required: ['id', 'answer'],
    additionalProperties: false,
  };
  return {
    type: 'object',
    properties: { answers: { type: 'array', description: 'One entry for each row.', items: entry } },
    required: ['answers'],
    additionalProperties: false,
    ...($defs !== undefined && { $defs: movedByName($defs) }),
    ...(definitions !== undefined && { definitions: movedByName(definitions) }),
  };
}

/** Keywords that hold schemas by names of the caller's. */
const BY_NAME = new Set(['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas']);

/** Rewrites references to the root of a schema that is no longer the root; definitions stay at the root. */
function moved(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(moved);
  return isJsonObject(schema) ? movedSchema(schema) : schema;
}

const movedByName = (schemas: unknown): unknown =>
  isJsonObject(schemas)
    ? Object.fromEntries(Object.entries(schemas).map(([name, each]) => [name, moved(each)]))
    : schemas;

function movedSchema(schema: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (DATA.has(key)) return [key, value];
      if (BY_NAME.has(key)) return [key, movedByName(value)];
      if (key === '$ref' && typeof value === 'string' && !/^#\/(\$defs|definitions)\//.test(value)) {
        return [key, value.replace(/^#/, WITHIN)];
      }
      return [key, moved(value)];
    }),
  );
}
