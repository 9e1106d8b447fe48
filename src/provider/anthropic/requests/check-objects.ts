import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean, quoteName } from '../../../lib/nearest.ts';

/**
 * Finds required keys that a closed schema does not name: structured output has only the named keys. If a schema refers to
 * others or combines several, the keys may be named there.
 */

const ELSEWHERE = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'dependentSchemas', 'patternProperties'];
const isWhole = (schema: JsonObject) => !ELSEWHERE.some((keyword) => keyword in schema);

const NAMED = 5;

/** Finds names that an answer must have but can't have: every answer would be wrong, and paid for. */
export function checkRequired(schema: JsonObject, path: string): Problem[] {
  const { required } = schema;
  if (!Array.isArray(required) || !isWhole(schema)) return [];
  const names = isJsonObject(schema.properties) ? Object.keys(schema.properties) : [];
  const missing = required.filter(
    (name): name is string => typeof name === 'string' && !names.includes(name),
  );
  return missing.slice(0, NAMED).map((name) => ({
    field: `${path}.required`,
    problem: `asks for ${quoteName(name)}, which is none of its properties${didYouMean(name, names)}: no answer could be right`,
    valid: names.length === 0 ? 'properties beside it' : names.slice(0, NAMED).join(', '),
  }));
}

/** Says that an object can only be `{}`, unless its schema intends that. */
export function emptyObject(schema: JsonObject, path: string): string[] {
  if ('properties' in schema || schema.additionalProperties === false || !isWhole(schema)) return [];
  return [`${path} names no properties, and structured output has no others: it can only be {}`];
}
