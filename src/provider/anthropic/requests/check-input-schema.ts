import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean } from '../../../lib/nearest.ts';

/** Keywords that hold one schema, or a list of schemas (JSON Schema 2020-12 and draft 7). */
export const ONE_OR_LIST: readonly string[] = [
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

/** Keywords that hold schemas by name. */
export const BY_NAME: readonly string[] = [
  'properties',
  '$defs',
  'definitions',
  'patternProperties',
  'dependentSchemas',
];

const SCHEMA = 'a JSON Schema of an object, as in {"type": "object", "properties": {…}}';
const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** What programming languages call them. */
const MEANT = new Map([
  ['str', 'string'],
  ['text', 'string'],
  ['int', 'integer'],
  ['long', 'integer'],
  ['float', 'number'],
  ['double', 'number'],
  ['decimal', 'number'],
  ['bool', 'boolean'],
  ['list', 'array'],
  ['dict', 'object'],
  ['map', 'object'],
  ['none', 'null'],
]);

/** In the words of the API's own errors. */
const PROPERTY_NAME = /^[a-zA-Z0-9_.-]{1,64}$/;
const UNIONS = ['oneOf', 'allOf', 'anyOf'];

/** Checks the input schema of a caller's tool: a JSON Schema (draft 2020-12) of an object. */
export function checkInputSchema(schema: unknown, field: string): Problem[] {
  if (!isJsonObject(schema)) {
    const isMissing = schema === undefined || schema === null;
    return [{ field, problem: isMissing ? 'is missing' : 'is not an object', valid: SCHEMA }];
  }
  if (schema.type !== 'object') {
    return [{ field: `${field}.type`, problem: 'is not "object"', valid: SCHEMA }];
  }
  const union = UNIONS.find((keyword) => keyword in schema);
  if (union !== undefined) {
    const problem = 'a tool can have no alternatives at the top of its schema';
    return [{ field: `${field}.${union}`, problem, valid: 'the alternatives within a property' }];
  }
  return [...checkNames(schema.properties, `${field}.properties`), ...checkFaults(schema, field)];
}

function checkNames(properties: unknown, field: string): Problem[] {
  if (!isJsonObject(properties)) return [];
  const wrong = Object.keys(properties).filter((name) => !PROPERTY_NAME.test(name)).length;
  if (wrong === 0) return [];
  const problem = `has ${wrong === 1 ? 'a name' : `${wrong} names`} that the API refuses`;
  return [{ field, problem, valid: 'names of 1 to 64 letters, digits, _, . or -' }];
}

/** What is wrong with a keyword's value, whatever the rest of the schema says; null if nothing is. */
const FAULTS: Record<string, (value: unknown) => { problem: string; valid: string } | null> = {
  type: (value) => {
    const names: unknown[] = Array.isArray(value) ? value : [value];
    if (names.length === 0) return { problem: 'is an empty list', valid: TYPES.join(', ') };
    const strange = names.find((name) => !TYPES.some((type) => type === name));
    if (strange === undefined) return null;
    const meant = typeof strange === 'string' ? MEANT.get(strange.toLowerCase()) : undefined;
    const hint = typeof strange === 'string' ? didYouMean(meant ?? strange, TYPES) : '';
    return { problem: `is not a type of JSON Schema${hint}`, valid: TYPES.join(', ') };
  },
  properties: (value) =>
    isJsonObject(value) || value === null
      ? null
      : { problem: 'is not an object', valid: 'schemas by their names' },
  required: (value) =>
    value === null || (Array.isArray(value) && value.every((name) => typeof name === 'string'))
      ? null
      : { problem: 'is not a list of names', valid: 'a list beside properties, as in ["place"]' },
  enum: (value) =>
    Array.isArray(value) && value.length > 0 ? null : { problem: 'is not a list', valid: 'a list of values' },
  anyOf: ofSchemas,
  oneOf: ofSchemas,
  allOf: ofSchemas,
  items: (value) =>
    Array.isArray(value)
      ? { problem: 'is a list, as until draft 2019-09', valid: 'one schema, or prefixItems' }
      : null,
  exclusiveMinimum: ofNumber,
  exclusiveMaximum: ofNumber,
};

function ofNumber(value: unknown): { problem: string; valid: string } | null {
  return typeof value === 'boolean'
    ? { problem: 'is true or false, as in draft 4', valid: 'a number' }
    : null;
}

function ofSchemas(value: unknown): { problem: string; valid: string } | null {
  return Array.isArray(value) && value.length > 0
    ? null
    : { problem: 'is not a list', valid: 'a list of schemas' };
}

const INNER = [...ONE_OR_LIST, 'additionalProperties'];

/** Finds what is known to cause the API's "JSON schema is invalid", however deeply nested; only for some keywords if asked. */
export function checkFaults(
  schema: JsonObject,
  field: string,
  keywords: readonly string[] = Object.keys(FAULTS),
): Problem[] {
  const problems: Problem[] = [];
  const open: { value: unknown; path: string }[] = [{ value: schema, path: field }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) open.push({ value: each, path: `${path}[${index}]` });
    }
    if (!isJsonObject(value)) {
      if (!Array.isArray(value) && typeof value !== 'boolean')
        problems.push({
          field: path,
          problem: 'is not a schema',
          valid: 'an object, as in {"type": "string"}',
        });
      continue;
    }
    for (const [keyword, given] of Object.entries(value)) {
      const fault = keywords.includes(keyword) ? FAULTS[keyword]?.(given) : null;
      if (fault) problems.push({ field: `${path}.${keyword}`, ...fault });
      if (INNER.includes(keyword) && given !== null) open.push({ value: given, path: `${path}.${keyword}` });
      if (!BY_NAME.includes(keyword) || !isJsonObject(given)) continue;
      for (const [name, each] of Object.entries(given))
        open.push({ value: each, path: `${path}.${keyword}.${name}` });
    }
  }
  return problems;
}
