import type { ErrorObject, Options, SchemaValidateFunction, ValidateFunction } from 'ajv';
import { ExactNumber, parseExact } from './exact-json.ts';
import {
  digitsOf,
  EXACT_BOUNDS,
  EXACT_MULTIPLE,
  EXACT_VALUES,
  isMultiple,
  isWithin,
  valueAtPointer,
  withExactValues,
} from './exact-values.ts';
import type { JsonObject } from './json.ts';
import { plainSchema } from './plain-schema.ts';
import { SMALL_ENOUGH, tooLarge } from './schema-size.ts';
import { createWatch } from './watched-patterns.ts';

/** What a value is held against beside its schema, by keywords of ours: without it these let everything through. */
export type Ground = {
  /** `x-in-input`: whether a text stands in what the value is about. */
  holds(text: string): boolean;
  /** `x-max-column`: how many characters a text may have by that column; null where it says none. */
  limit(column: string): number | null;
};

/** What of a value is not as its schema wants it, or why that can't be told, in words. */
export type SchemaFinding = { wrong: string } | { unchecked: string };

/**
 * What is found of a value; null where all of it is as its schema wants it. `source` is its JSON, for where JavaScript's
 * numbers don't tell two apart.
 */
export type SchemaCheck = (value: unknown, ground?: Ground, source?: string) => SchemaFinding | null;

/** Makes a schema, its numbers as they were written, into a check; `problem` says why it can't be, and `valid` what could. */
export type SchemaCompiler = (schema: JsonObject) => { check: SchemaCheck } | SchemaProblem;
type SchemaProblem = { problem: string; valid: string };

/** As the older drafts are named by `$schema`; what names none, or a later one, is read as draft 2020-12. */
const OLDER_DRAFT = /draft-0[3-7]/;

/** A pattern that other languages allow, and JavaScript only without its Unicode mode: `\-` or `\_`. */
function lenientPattern(pattern: string, flags: string): RegExp {
  try {
    return new RegExp(pattern, flags);
  } catch {
    return new RegExp(pattern);
  }
}

const SCHEMA = 'a JSON Schema, as {"type": "object", "properties": {"label": {"type": "string"}}}';

/** The place of a value in the whole of it. */
type Place = { instancePath: string };

/** Loads the validator, which most calls and every start do without. */
export async function loadSchemaCompiler(): Promise<SchemaCompiler> {
  // By their defaults: a bundle has no other names of a CommonJS module that is imported late.
  const [{ default: draft7 }, { default: draft2020 }, { default: formats }] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2020.js'),
    import('ajv-formats'),
  ]);
  const watch = createWatch<SchemaFinding>();
  const regExp = (pattern: string, flags: string) => watch.pattern(lenientPattern(pattern, flags));
  const options: Options = {
    // Keywords of others are no fault of a schema.
    strict: false,
    logger: false,
    // To make the code of a check shorter takes longer than that saves, most of all where a schema is nested.
    code: { regExp: Object.assign(regExp, { code: '' }), optimize: false },
  };
  const older = formats.default(new draft7.Ajv(options));
  const current = formats.default(new draft2020.Ajv2020(options));
  // A check is done before the next one begins.
  let ground: Ground | undefined;
  let exact: () => unknown = () => undefined;
  const exactAt = (place: Place | undefined) => valueAtPointer(exact(), place?.instancePath ?? '');
  const isStep: SchemaValidateFunction = (step: string, _value: unknown, _schema: unknown, place?: Place) => {
    isStep.errors = [{ message: `must be multiple of ${step}`, params: {} }];
    return isMultiple(digitsOf(exactAt(place)), digitsOf(new ExactNumber(step)));
  };
  for (const ajv of [older, current]) {
    // Of all formats this one alone goes through a text in more ways than one.
    const { url } = ajv.formats;
    if (url instanceof RegExp) {
      const pattern = watch.pattern(url);
      ajv.addFormat('url', (text) => pattern.test(text));
    }
    // The validator's own goes by JavaScript's numbers, and takes a minute for a list of ten thousand objects.
    ajv.removeKeyword('uniqueItems');
    ajv.addKeyword({
      keyword: 'uniqueItems',
      type: 'array',
      schemaType: 'boolean',
      validate: (isAsked: boolean, value: unknown[], _schema: unknown, place?: Place) => {
        if (!isAsked || value.length < 2) return true;
        const items = exactAt(place);
        return !Array.isArray(items) || new Set(items.map(digitsOf)).size === items.length;
      },
      error: { message: 'has an item twice' },
    });
    ajv.removeKeyword('multipleOf');
    ajv.addKeyword({ keyword: EXACT_MULTIPLE, type: 'number', schemaType: 'string', validate: isStep });
    ajv.addKeyword({
      keyword: 'x-in-input',
      schemaType: 'boolean',
      validate: (isAsked: boolean, value: unknown) =>
        !isAsked || everyText(value, (text) => ground?.holds(text) ?? true),
      error: { message: 'is not in the input of its task' },
    });
    ajv.addKeyword({
      keyword: EXACT_VALUES,
      schemaType: 'array',
      validate: (lists: string[][], _value: unknown, _schema: unknown, place?: Place) => {
        const digits = digitsOf(exactAt(place));
        return lists.every((values) => values.includes(digits));
      },
      error: { message: 'must be equal to a value of its const or enum, digit for digit' },
    });
    ajv.addKeyword({
      keyword: EXACT_BOUNDS,
      schemaType: 'object',
      validate: (bounds: Record<string, string>, _value: unknown, _schema: unknown, place?: Place) =>
        isWithin(bounds, exactAt(place)),
      error: { message: 'must be within its minimum and maximum, digit for digit' },
    });
    ajv.addKeyword({
      keyword: 'x-max-column',
      schemaType: 'string',
      validate: (column: string, value: unknown) => {
        const most = ground?.limit(column) ?? Number.POSITIVE_INFINITY;
        return everyText(value, (text) => Array.from(text).length <= most);
      },
      error: { message: 'is longer than its row allows' },
    });
  }
  return (schema) => {
    const large = tooLarge(schema);
    if (large !== null) return { problem: large, valid: SMALL_ENOUGH };
    const isOlder = typeof schema.$schema === 'string' && OLDER_DRAFT.test(schema.$schema);
    // Lists of `items` were allowed until 2020-12, by whoever names no draft too.
    const validators = isOlder ? [older] : [current, older];
    // What names an older or an unknown draft is read by what is here.
    const { $schema: _draft, $id: _id, nullable: _nullable, ...given } = schema;
    const rest = withExactValues(plainSchema(given));
    let problem = '';
    // Schemas are checked by the validator too, and by these keywords.
    exact = () => rest;
    for (const ajv of validators) {
      try {
        const validate = ajv.compile(rest);
        return {
          check(value, given, source) {
            ground = given;
            exact = source === undefined ? () => value : once(() => parseExact(source).value);
            return watch.run(() => judged(validate, value), tooSlow);
          },
        };
      } catch (error) {
        if (error instanceof RangeError)
          return { problem: 'is too large to be checked', valid: SMALL_ENOUGH };
        problem ||= error instanceof Error ? error.message : String(error);
      } finally {
        ajv.removeSchema(rest);
      }
    }
    const why = problem.replace(/^schema is invalid: /, '').replaceAll('data/', '/');
    return { problem: `is not a JSON Schema: ${why}`, valid: SCHEMA };
  };
}

function judged(validate: ValidateFunction, value: unknown): SchemaFinding | null {
  try {
    return validate(value) ? null : { wrong: inWords(validate.errors?.[0]) };
  } catch (error) {
    // The call stack overflows: no answer is that deep.
    if (error instanceof RangeError) return { unchecked: 'the schema refers to itself without end' };
    throw error;
  }
}

function once(make: () => unknown): () => unknown {
  let made: unknown;
  return () => {
    made ??= make();
    return made;
  };
}

const tooSlow = (pattern: string): SchemaFinding => ({
  unchecked: `the pattern ${JSON.stringify(pattern)} takes too long on a text in it, as repeats within repeats do`,
});

/** Whether all texts pass that a value is, or holds. */
function everyText(value: unknown, passes: (text: string) => boolean): boolean {
  if (typeof value === 'string') return passes(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((each) => everyText(each, passes));
}

const LONGEST_CHOICE = 200;

/** As `/label must be equal to one of the allowed values (["a","b"])`. */
function inWords(error: ErrorObject | undefined): string {
  if (error === undefined) return 'is not as the schema wants it';
  const { instancePath, message, params } = error;
  const choices = 'allowedValues' in params ? ` (${JSON.stringify(params.allowedValues)})` : '';
  const key = 'additionalProperty' in params ? `: ${JSON.stringify(params.additionalProperty)}` : '';
  const detail = choices.length > LONGEST_CHOICE ? '' : choices + key;
  return `${instancePath === '' ? 'it' : instancePath} ${message ?? 'is wrong'}${detail}`;
}
