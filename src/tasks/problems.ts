import type { z } from 'zod';
import { describeSome, type Problem } from '../errors.ts';
import { isJsonObject } from '../lib/json.ts';
import { nearest } from '../lib/nearest.ts';
import { adviceOnKey, meantKey, meantValue } from './guesses.ts';

const article = (noun: string) => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);

const typeNames: Record<string, string> = {
  array: 'list',
  int: 'whole number',
  record: 'object',
  nan: 'not-a-number',
};

/** Types that other words describe better. */
const typeWords: Record<string, string> = { boolean: 'true or false' };

const typeName = (type: string) => typeWords[type] ?? article(typeNames[type] ?? type);

function describeLimit(
  issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
): Pick<Problem, 'problem' | 'valid'> {
  const small = issue.code === 'too_small';
  const limit = small ? issue.minimum : issue.maximum;
  if (issue.origin === 'string') {
    if (small && limit === 1) return { problem: 'is empty', valid: 'a string that is not empty' };
    return {
      problem: small ? 'is too short' : 'is too long',
      valid: `${small ? 'at least' : 'at most'} ${limit} characters`,
    };
  }
  if (issue.origin === 'array' || issue.origin === 'set') {
    if (small && limit === 1) return { problem: 'is empty', valid: 'at least one entry' };
    return {
      problem: small ? 'has too few entries' : 'has too many entries',
      valid: `${small ? 'at least' : 'at most'} ${limit} entries`,
    };
  }
  return {
    problem: small ? 'is too small' : 'is too large',
    valid: small
      ? `${issue.inclusive ? 'at least' : 'more than'} ${limit}`
      : `${issue.inclusive ? 'at most' : 'less than'} ${limit}`,
  };
}

/** The JSON type of a value, in a caller's words. */
export function actualType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return article(typeof value);
}

/** A hint for a client that sent JSON as text where the value itself is wanted, which is a common mistake. */
export function unlessText(value: unknown): string {
  return typeof value === 'string' && /^\s*[[{]/.test(value) ? ' itself, not its JSON as a string' : '';
}

function describeType(issue: z.core.$ZodIssueInvalidType): Pick<Problem, 'problem' | 'valid'> {
  const valid = typeName(issue.expected);
  if (issue.input === undefined) return { problem: 'is missing', valid };
  if (issue.expected === 'int' && typeof issue.input === 'number')
    return { problem: `is not ${valid}`, valid };
  const hint = ['array', 'record', 'object'].includes(issue.expected) ? unlessText(issue.input) : '';
  return { problem: `is ${actualType(issue.input)}`, valid: `${valid}${hint}` };
}

function describe(issue: z.core.$ZodIssue): Pick<Problem, 'problem' | 'valid'> {
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue);
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const meant = meantValue(issue.input, allowed);
      const hint = meant === undefined ? '' : ` (did you mean "${meant}"?)`;
      return { problem: `is not one of the values allowed${hint}`, valid: allowed.join(', ') };
    }
    case 'too_small':
    case 'too_big':
      return describeLimit(issue);
    case 'invalid_format':
    case 'custom':
      return { problem: 'is not valid', valid: issue.message };
    case 'invalid_union':
      return describeUnion(issue);
    default:
      return { problem: issue.message };
  }
}

/** Describes a value that has none of the types that an argument takes. */
function describeUnion({ errors, input }: z.core.$ZodIssueInvalidUnion): Pick<Problem, 'problem' | 'valid'> {
  const types = errors.flat().flatMap((issue) => (issue.code === 'invalid_type' ? [issue] : []));
  const whole = types.filter(({ path }) => path.length === 0).map(({ expected }) => typeName(expected));
  const [within] = types.filter(({ path }) => path.length > 0);
  const valid = [...new Set(whole)].join(', or ');
  // The value is a list, which is one of the types, but its entries have the wrong type.
  return within !== undefined && Array.isArray(input)
    ? {
        problem: 'has entries of another type',
        valid: `a list, each entry ${typeName(within.expected)}; or ${valid}`,
      }
    : { problem: `is ${actualType(input)}`, valid };
}

/** A path as a caller would write it: `task_ids[2]`, `input_data.logs`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === 'number') return `${name}[${key}]`;
    return name === '' ? String(key) : `${name}.${String(key)}`;
  }, '');
}

/**
 * Turns zod's issues into problems that a caller can act on: each names its field, and says what is wrong, without
 * quoting it, and what is valid. For an unknown key it suggests the nearest of `knownKeys`.
 *
 * Parse with `reportInput: true`, so that a missing value can be told from a wrong type.
 */
export function problemsOf(error: z.ZodError, knownKeys: readonly string[], item?: string): Problem[] {
  const wrongType = new Set(
    error.issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => fieldName(path)),
  );
  return error.issues.flatMap((issue): Problem[] => {
    const at = fieldName(issue.path);
    // For a text where a list is wanted, zod also complains about its length, as if it were a list.
    if (issue.code !== 'invalid_type' && wrongType.has(at)) return [];
    const base = item === undefined ? {} : { item };
    if (issue.code === 'unrecognized_keys') {
      return describeSome(issue.keys, 'unknown keys', (key) => {
        // A file that is not a list of tasks may have anything as a key: only plain names are repeated.
        const shown = /^[\w-]{1,40}$/.test(key) ? key : `(a key of ${key.length} characters)`;
        return {
          ...base,
          field: at === '' ? shown : `${at}.${shown}`,
          problem: `unknown key${hintAt(key, knownKeys, issue.input)}`,
          ...(knownKeys.length > 0 &&
            nearest(key, knownKeys) === undefined && { valid: knownKeys.join(', ') }),
        };
      });
    }
    return [{ ...base, ...(at !== '' && { field: at }), ...describe(issue) }];
  });
}

/** ` (did you mean "max_tokens"?)`, or what to do instead, where that can be told of an unknown key of `input`. */
function hintAt(key: string, knownKeys: readonly string[], input: unknown): string {
  const given = isJsonObject(input) ? input : {};
  const value = Object.hasOwn(given, key) ? given[key] : undefined;
  const within = wrapped(key, value, knownKeys);
  if (within !== null) return ` (${within})`;
  // An argument that is already given can't be meant, unless the word is another spelling of it.
  const free = knownKeys.filter((known) => !Object.hasOwn(given, known));
  const meant = meantKey(key, free, value) ?? nearest(key, knownKeys);
  const isField = knownKeys.includes('task_id') && (meant === undefined || meant === 'prompt');
  const place = isField && /^\w+$/.test(key) ? `what fills {{${key}}} goes into input_data` : undefined;
  const words = meant === undefined ? adviceOnKey(key) : `did you mean "${meant}"?`;
  const advice = [words, place].filter((each) => each !== undefined).join(' or: ');
  return advice === '' ? '' : ` (${advice})`;
}

/** Names under which programs nest arguments, which stand on their own here. */
const WRAPPERS =
  /^(config|configuration|defaults|settings|options|params|parameters|arguments|args|kwargs|inputs?|request|body|payload)$/i;

function wrapped(key: string, value: unknown, knownKeys: readonly string[]): string | null {
  if (!WRAPPERS.test(key) || !isJsonObject(value)) return null;
  const keys = Object.keys(value);
  if (keys.length === 0 || !keys.every((each) => knownKeys.includes(each))) return null;
  return `its arguments are given directly, not nested in it: ${keys.join(', ')}`;
}
