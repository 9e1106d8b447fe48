import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean, quoteName } from '../../../lib/nearest.ts';

/**
 * What is wrong with an object's own keys where a schema is closed, for structured output has no other keys than those that it names.
 * Where a schema refers to others, or puts several together, the keys can stand there.
 */

const ELSEWHERE = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'dependentSchemas', 'patternProperties'];
const isWhole = (schema: JsonObject) => !ELSEWHERE.some((keyword) => keyword in schema);

const NAMED = 5;

/** Names that an answer has to have, and can't: each would be wrong, and be paid. */
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

/** That an object is nothing but `{}`; none where its schema says so by itself. */
export function emptyObject(schema: JsonObject, path: string): string[] {
  if ('properties' in schema || schema.additionalProperties === false || !isWhole(schema)) return [];
  return [`${path} names no properties, and structured output has no others: it can only be {}`];
}
