import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';

/** Keywords that hold one schema, a list of schemas, or schemas by name (JSON Schema 2020-12 and draft 7). */
const ONE_OR_LIST = [
  'items',
  'anyOf',
  'allOf',
  'oneOf',
  'prefixItems',
  'not',
  'if',
  'then',
  'else',
  'contains',
];
const BY_NAME = ['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas'];
const ROOT = 'a JSON Schema with "type": "object" and "properties"';

/** Of which a schema of an object has one at least. */
const KEYWORDS = new Set([
  ...ONE_OR_LIST,
  ...BY_NAME,
  'type',
  'required',
  'additionalProperties',
  '$ref',
  'enum',
  'const',
]);

function quotedKeys(schema: JsonObject): string {
  const keys = Object.keys(schema);
  const shown = keys.slice(0, 3).map((key) => JSON.stringify(key.slice(0, 40)));
  return [...shown, ...(keys.length > shown.length ? ['…'] : [])].join(', ');
}

function describesObject(schema: JsonObject): boolean {
  const { type } = schema;
  if (Array.isArray(type)) return type.includes('object');
  return type === 'object' || (type === undefined && isJsonObject(schema.properties));
}

/** Closes a schema and all within it; what can't be closed without changing its meaning goes to `problems`. */
function closed(schema: unknown, path: string, problems: Problem[]): unknown {
  if (Array.isArray(schema)) return schema.map((one, index) => closed(one, `${path}[${index}]`, problems));
  // `true` and `false` are schemas too.
  if (!isJsonObject(schema)) return schema;

  const result = { ...schema };
  for (const keyword of ONE_OR_LIST) {
    if (keyword in schema) result[keyword] = closed(schema[keyword], `${path}.${keyword}`, problems);
  }
  for (const keyword of BY_NAME) {
    const named = schema[keyword];
    if (!isJsonObject(named)) continue;
    result[keyword] = Object.fromEntries(
      Object.entries(named).map(([name, one]) => [name, closed(one, `${path}.${keyword}.${name}`, problems)]),
    );
  }
  if (describesObject(schema)) {
    result.additionalProperties ??= false;
    if (result.additionalProperties !== false) {
      const problem = "structured output can't have objects with any other keys than the named ones";
      problems.push({ field: `${path}.additionalProperties`, problem, valid: 'false, or leave it out' });
    }
  }
  return result;
}

/**
 * The schema as structured output takes it: every object in it with `additionalProperties: false`, which the
 * API asks for. The argument stays as it is. `problems` has what the API is known to refuse, the fields under
 * `field`; what else it refuses is left to it, for that changes from model to model.
 */
export function prepareOutputSchema(
  schema: JsonObject,
  field = 'output_schema',
): { schema: JsonObject; problems: Problem[] } {
  if (Object.keys(schema).length === 0)
    return { schema, problems: [{ field, problem: 'is empty', valid: ROOT }] };
  if (schema.type !== undefined && schema.type !== 'object') {
    return {
      schema,
      problems: [{ field: `${field}.type`, problem: 'the answer must be an object', valid: ROOT }],
    };
  }
  if (!Object.keys(schema).some((key) => KEYWORDS.has(key))) {
    const problem = `is no JSON Schema: ${quotedKeys(schema)} say nothing of an answer`;
    return { schema, problems: [{ field, problem, valid: ROOT }] };
  }
  const problems: Problem[] = [];
  const result = closed(schema, field, problems);
  return { schema: isJsonObject(result) ? result : schema, problems };
}
