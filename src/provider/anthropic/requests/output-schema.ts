import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../../errors.ts';
import { valueAtPointer } from '../../../lib/exact-values.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean, nearest } from '../../../lib/nearest.ts';
import type { PreparedSchema } from '../../dialect.ts';
import { BY_NAME, checkFaults, ONE_OR_LIST } from './check-input-schema.ts';
import { checkRequired, emptyObject } from './check-objects.ts';
import { type Moved, OURS, takenSchema } from './taken-schema.ts';

type OutputSchema = PreparedSchema & {
  moved: readonly Moved[];
  /** References to missing definitions, which compiling the schema for a check finds too. */
  lost: readonly Problem[];
};

const ROOT = 'a JSON Schema with "type": "object" and "properties"';

/** An object's schema has at least one of these. */
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

type Found = { problems: Problem[]; warnings: string[] };

/** Closes a schema and all schemas within it; `found` gets those that can't be closed without changing their meaning. */
function closed(schema: unknown, path: string, found: Found): unknown {
  if (Array.isArray(schema)) return schema.map((one, index) => closed(one, `${path}[${index}]`, found));
  // `true` and `false` are schemas too.
  if (!isJsonObject(schema)) return schema;

  found.problems.push(...mistypedOurs(schema, path));
  const result = { ...schema };
  for (const keyword of ONE_OR_LIST) {
    if (keyword in schema) result[keyword] = closed(schema[keyword], `${path}.${keyword}`, found);
  }
  for (const keyword of BY_NAME) {
    const named = schema[keyword];
    if (!isJsonObject(named)) continue;
    result[keyword] = Object.fromEntries(
      Object.entries(named).map(([name, one]) => [name, closed(one, `${path}.${keyword}.${name}`, found)]),
    );
  }
  if (describesObject(schema)) {
    found.problems.push(...checkRequired(schema, path));
    found.warnings.push(...emptyObject(schema, path));
    result.additionalProperties ??= false;
    if (result.additionalProperties !== false) {
      const problem = "structured output can't have objects with any other keys than the named ones";
      found.problems.push({
        field: `${path}.additionalProperties`,
        problem,
        valid: 'false, or leave it out',
      });
    }
  }
  return result;
}

/** Our own keywords are checked nowhere else, so a mistyped one would be lost; keywords of others are no mistake. */
function mistypedOurs(schema: JsonObject, path: string): Problem[] {
  const ours = [...OURS];
  return Object.keys(schema)
    .filter((keyword) => !OURS.has(keyword) && nearest(keyword, ours) !== undefined)
    .map((keyword) => ({
      field: `${path}.${keyword}`,
      problem: `is not a keyword${didYouMean(keyword, ours)}`,
      valid: ours.join(', '),
    }));
}

/** The types of values that contain no text. */
const TEXTLESS = new Set<unknown>(['number', 'integer', 'boolean', 'null']);

/** Finds keywords of ours that have no effect: numbers are not searched for in the input, and have no length. */
function idleOurs(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => idleOurs(each, `${path}[${index}]`));
  if (!isJsonObject(value)) return [];
  const types: unknown[] = Array.isArray(value.type) ? value.type : [value.type];
  const idle = types.every((type) => TEXTLESS.has(type))
    ? Object.keys(value).filter((keyword) => OURS.has(keyword) && value[keyword] !== false)
    : [];
  return [
    ...idle.map((keyword) => `${path}.${keyword} asks for nothing: it is about texts, and this is not one`),
    ...Object.entries(value).flatMap(([key, each]) =>
      DATA.has(key) ? [] : idleOurs(each, `${path}.${key}`),
    ),
  ];
}

/** Keywords whose values are data, in which `$ref` is not a reference. */
const DATA = new Set(['enum', 'const', 'default', 'examples']);

/** Finds schemas that refer to themselves or elsewhere: the API compiles a schema to a grammar, which would then be infinite. */
function checkReferences(root: JsonObject, field: string): { problems: Problem[]; lost: Problem[] } {
  const problems: Problem[] = [];
  const lost: Problem[] = [];
  const done = new Set<string>();
  function look(value: unknown, path: string, open: readonly string[]): void {
    if (Array.isArray(value))
      for (const [index, each] of value.entries()) look(each, `${path}[${index}]`, open);
    if (!isJsonObject(value)) return;
    const { $ref: to } = value;
    if (typeof to === 'string') follow(to, `${path}.$ref`, open);
    for (const [key, each] of Object.entries(value)) if (!DATA.has(key)) look(each, `${path}.${key}`, open);
  }
  function follow(to: string, path: string, open: readonly string[]): void {
    if (open.includes(to)) {
      const problem = 'refers to a schema that it is part of, which structured output refuses';
      problems.push({ field: path, problem, valid: 'as many levels as are needed, written out' });
    } else if (!to.startsWith('#/') && to !== '#') {
      const where = to.startsWith('#') ? 'by an anchor' : 'elsewhere';
      const problem = `refers to a schema ${where}, which structured output refuses`;
      problems.push({ field: path, problem, valid: IN_DEFS });
    } else if (!done.has(to)) {
      done.add(to);
      const named = valueAtPointer(root, decoded(to.slice(1)));
      if (named === undefined) lost.push({ field: path, problem: 'names no schema', valid: IN_DEFS });
      look(named, path, [...open, to]);
    }
  }
  // Definitions count where they are referred to.
  const { $defs: _defs, definitions: _definitions, ...rest } = root;
  look(rest, field, ['#']);
  return { problems, lost };
}

const IN_DEFS = 'a schema in $defs, as in "#/$defs/name"';

function decoded(pointer: string): string {
  try {
    return decodeURIComponent(pointer);
  } catch {
    return pointer;
  }
}

/** Whether it is the wrapper that the API, or OpenAI's, has around a schema. */
const wrapsSchema = ({ type, schema, json_schema }: JsonObject): boolean =>
  isJsonObject(json_schema) || (isJsonObject(schema) && (type === undefined || type === 'json_schema'));

/** How many keywords a warning names. */
const NAMED = 6;

function warningsOf(all: readonly Moved[], field: string): string[] {
  const moved = all.filter(({ isOurs }) => isOurs !== true);
  if (moved.length === 0) return [];
  const names = [...new Set(moved.map(({ field: at }) => at.slice(field.length + 1)))];
  const more = names.length > NAMED ? `, and ${names.length - NAMED} more` : '';
  return [
    `structured output does not take some keywords of ${field} (${names.slice(0, NAMED).join(', ')}${more}): they are sent in the ` +
      'descriptions instead, and every answer is checked against the whole schema here',
  ];
}

/**
 * A schema as structured output takes it. In `asked` every object has `additionalProperties: false`, which the API requires. In
 * `schema`, moreover, what the API does not take is moved into descriptions; `moved` lists it. The argument is not changed.
 * `problems` has what can't be sent in any form, with fields below `field`. Whatever else the API refuses is left to it, as that
 * differs from model to model.
 */
export function prepareOutputSchema(given: JsonObject, field = 'output_schema'): OutputSchema {
  const wrong = (...problems: Problem[]): OutputSchema => {
    return { schema: given, asked: given, moved: [], lost: [], isRefused: false, warnings: [], problems };
  };
  if (Object.keys(given).length === 0) return wrong({ field, problem: 'is empty', valid: ROOT });
  if (wrapsSchema(given)) {
    const problem = 'is an output format, which holds a schema and a name';
    return wrong({ field, problem, valid: `the schema within it alone: ${ROOT}` });
  }
  if (given.type !== undefined && given.type !== 'object')
    return wrong({ field: `${field}.type`, problem: 'the answer must be an object', valid: ROOT });
  if (!Object.keys(given).some((key) => KEYWORDS.has(key))) {
    const problem = `is not a JSON Schema: nothing is said of an answer by ${quotedKeys(given)}`;
    return wrong({ field, problem, valid: ROOT });
  }
  const faults = checkFaults(given, field, ['type', 'properties', 'required', 'enum']);
  if (faults.length > 0) return wrong(...faults);
  const found: Found = { problems: [], warnings: [] };
  const result = closed(given, field, found);
  const asked = isJsonObject(result) ? result : given;
  const references = checkReferences(given, field);
  const { schema, moved } = takenSchema(asked, field);
  const isRefused = moved.some((each) => each.isRefused);
  return {
    schema,
    asked,
    moved,
    lost: references.lost,
    isRefused,
    warnings: [...warningsOf(moved, field), ...found.warnings, ...idleOurs(given, field)],
    problems: [...found.problems, ...references.problems],
  };
}

const BY_ITSELF = 'output_schema, of a task or of retry_batch, does so by itself';

/**
 * Native params are sent as they are, so their schemas must already be as the API requires. `otherwise` says what else can
 * be done if a keyword is refused.
 */
export function checkClosedSchema(given: unknown, at: string, otherwise = BY_ITSELF): Problem[] {
  if (!isJsonObject(given)) return [];
  const { asked, moved, problems, lost } = prepareOutputSchema(given, at);
  if (problems.length + lost.length > 0) return [...problems, ...lost];
  const refused = moved.filter(({ isRefused }) => isRefused);
  return [
    ...(isDeepStrictEqual(asked, given)
      ? []
      : [
          {
            field: at,
            problem: 'an object in it may have any other keys, which structured output refuses',
            valid: '"additionalProperties": false on every object',
          },
        ]),
    ...refused.map(({ field, keyword }) => ({
      field,
      problem: `structured output refuses ${keyword === 'oneOf' ? 'oneOf' : `this ${keyword}`}`,
      valid: keyword === 'oneOf' ? 'anyOf' : `leave it out, and say it in the description; ${otherwise}`,
    })),
  ];
}
