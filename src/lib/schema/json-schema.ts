import type { Ajv, ErrorObject, Options, ValidateFunction } from 'ajv';
import { parseExact } from '../exact-json.ts';
import { withExactValues } from '../exact-values.ts';
import type { JsonObject } from '../json.ts';
import { plainSchema } from './plain-schema.ts';
import { addKeywords, type Checked, type Ground } from './schema-keywords.ts';
import { SMALL_ENOUGH, tooLarge } from './schema-size.ts';
import { createWatch, type Watch } from './watched-patterns.ts';

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

/** Loads the validator, which most calls and every start do without. */
export async function loadSchemaCompiler(): Promise<SchemaCompiler> {
  const watch = createWatch<SchemaFinding>();
  const checked: Checked = { ground: undefined, exact: () => undefined };
  const { older, current } = await loadValidators(watch, checked);
  return (schema) => {
    const large = tooLarge(schema);
    if (large !== null) return { problem: large, valid: SMALL_ENOUGH };
    const isOlder = typeof schema.$schema === 'string' && OLDER_DRAFT.test(schema.$schema);
    // What names an older or an unknown draft is read by what is here.
    const { $schema: _draft, $id: _id, nullable: _nullable, ...given } = schema;
    const rest = withExactValues(plainSchema(given));
    // Schemas are checked by the validator too, and by these keywords.
    checked.exact = () => rest;
    // Lists of `items` were allowed until 2020-12, by whoever names no draft too.
    const validate = compiled(isOlder ? [older] : [current, older], rest);
    if ('problem' in validate) return validate;
    return {
      check(value, ground, source) {
        checked.ground = ground;
        checked.exact = source === undefined ? () => value : once(() => parseExact(source).value);
        return watch.run(() => judged(validate, value), tooSlow);
      },
    };
  };
}

/** The validators of the drafts up to 7 and of 2020-12, with keywords that go by what is checked now. */
async function loadValidators(
  watch: Watch<SchemaFinding>,
  checked: Checked,
): Promise<{ older: Ajv; current: Ajv }> {
  // By their defaults: a bundle has no other names of a CommonJS module that is imported late.
  const [{ default: draft7 }, { default: draft2020 }, { default: formats }] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2020.js'),
    import('ajv-formats'),
  ]);
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
  for (const ajv of [older, current]) {
    // Of all formats this one alone goes through a text in more ways than one.
    const { url } = ajv.formats;
    if (url instanceof RegExp) {
      const pattern = watch.pattern(url);
      ajv.addFormat('url', (text) => pattern.test(text));
    }
    addKeywords(ajv, checked);
  }
  return { older, current };
}

/** A schema compiled by the first validator that takes it, else the problem that the first one has with it. */
function compiled(validators: readonly Ajv[], schema: JsonObject): ValidateFunction | SchemaProblem {
  let problem = '';
  for (const ajv of validators) {
    try {
      return ajv.compile(schema);
    } catch (error) {
      if (error instanceof RangeError) return { problem: 'is too large to be checked', valid: SMALL_ENOUGH };
      problem ||= error instanceof Error ? error.message : String(error);
    } finally {
      ajv.removeSchema(schema);
    }
  }
  const why = problem.replace(/^schema is invalid: /, '').replaceAll('data/', '/');
  return { problem: `is not a JSON Schema: ${why}`, valid: SCHEMA };
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
