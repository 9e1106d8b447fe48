import type { ErrorObject, Options } from 'ajv';
import { digitsOf, EXACT_BOUNDS, EXACT_VALUES, isWithin, valueAt, withExactValues } from './exact-values.ts';
import type { JsonObject } from './json.ts';

/** What a value is held against beside its schema, by keywords of ours: without it these let everything through. */
export type Ground = {
  /** `x-in-input`: whether a text stands in what the value is about. */
  holds(text: string): boolean;
  /** `x-max-column`: how many characters a text may have by that column; null where it says none. */
  limit(column: string): number | null;
};

/**
 * What of a value is not as its schema wants it, in words; null where all of it is. `exact` gives the value with its numbers as they
 * were written, for where JavaScript's don't tell two apart.
 */
export type SchemaCheck = (value: unknown, ground?: Ground, exact?: () => unknown) => string | null;

/** Makes a schema, its numbers as they were written, into a check; `problem` says why it is none. */
export type SchemaCompiler = (schema: JsonObject) => { check: SchemaCheck } | { problem: string };

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

const options: Options = {
  // Keywords of others are no fault of a schema.
  strict: false,
  logger: false,
  // 100.1 is a multiple of 0.01, whatever a floating-point division says.
  multipleOfPrecision: 9,
  code: { regExp: Object.assign(lenientPattern, { code: '' }) },
};

/** Loads the validator, which most calls and every start do without. */
export async function loadSchemaCompiler(): Promise<SchemaCompiler> {
  // By their defaults: a bundle has no other names of a CommonJS module that is imported late.
  const [{ default: draft7 }, { default: draft2020 }, { default: formats }] = await Promise.all([
    import('ajv'),
    import('ajv/dist/2020.js'),
    import('ajv-formats'),
  ]);
  const older = formats.default(new draft7.Ajv(options));
  const current = formats.default(new draft2020.Ajv2020(options));
  // A check is done before the next one begins.
  let ground: Ground | undefined;
  let exact: () => unknown = () => undefined;
  for (const ajv of [older, current]) {
    ajv.addKeyword({
      keyword: 'x-in-input',
      schemaType: 'boolean',
      validate: (isAsked: boolean, value: unknown) =>
        !isAsked || everyText(value, (text) => ground?.holds(text) ?? true),
      error: { message: 'does not stand in the input of its task' },
    });
    ajv.addKeyword({
      keyword: EXACT_VALUES,
      schemaType: 'array',
      validate: (lists: string[][], _value: unknown, _schema: unknown, place?: { instancePath: string }) => {
        const digits = digitsOf(valueAt(exact(), place?.instancePath ?? ''));
        return lists.every((values) => values.includes(digits));
      },
      error: { message: 'must be equal to a value of its const or enum, digit for digit' },
    });
    ajv.addKeyword({
      keyword: EXACT_BOUNDS,
      schemaType: 'object',
      validate: (
        bounds: Record<string, string>,
        _value: unknown,
        _schema: unknown,
        place?: { instancePath: string },
      ) => isWithin(bounds, valueAt(exact(), place?.instancePath ?? '')),
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
    const isOlder = typeof schema.$schema === 'string' && OLDER_DRAFT.test(schema.$schema);
    // Lists of `items` were allowed until 2020-12, by whoever names no draft too.
    const validators = isOlder ? [older] : [current, older];
    // What names an older or an unknown draft is read by what is here.
    const { $schema: _draft, $id: _id, ...rest } = withExactValues(schema);
    let problem = '';
    for (const ajv of validators) {
      try {
        const validate = ajv.compile(rest);
        return {
          check(value, given, written = () => value) {
            ground = given;
            exact = written;
            return validate(value) ? null : inWords(validate.errors?.[0]);
          },
        };
      } catch (error) {
        problem ||= error instanceof Error ? error.message : String(error);
      } finally {
        ajv.removeSchema(rest);
      }
    }
    return { problem: problem.replace(/^schema is invalid: /, '').replaceAll('data/', '/') };
  };
}

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
