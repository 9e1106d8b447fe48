import { ExactNumber, exactNumber } from '../lib/exact-json.ts';
import { MOST_LEVELS } from '../lib/json.ts';
import type { Waiting } from '../state/jobs.ts';
import { withNumbers } from '../tasks/argument-numbers.ts';
import { createProblemList, type ProblemList } from '../tasks/problem-list.ts';
import { actualType } from '../tasks/problems.ts';

/** How a program follows a call. */
type Follow = Pick<Waiting, 'signal' | 'onProgress'>;

const EXAMPLES = { work: "{ requests_file: 'tasks.jsonl' }", options: '{ signal, onProgress }' };

/**
 * What a program gave in place of an object that may be left out; null is left out too. Throws `invalid_input` for anything
 * else: a text or a list would be taken apart, and a number for no options.
 */
export function givenObject<Given extends object>(
  given: Given | null | undefined,
  field: keyof typeof EXAMPLES,
  asked: string,
): Partial<Given> {
  if (given === undefined || given === null) return {};
  if (typeof given === 'object' && !Array.isArray(given)) return given;
  const problems = createProblemList();
  problems.add({ field, problem: `is ${actualType(given)}`, valid: `an object, as ${EXAMPLES[field]}` });
  problems.throwIfAny(refusal(asked));
  return {};
}

const refusal = (asked: string) => `The arguments of ${asked} are not valid; nothing was done.`;

/**
 * A program's arguments, and how it follows the call. Throws `invalid_input` where it could not be followed: found out later, that
 * would end a call whose work is paid.
 */
export function programCall(
  { signal, onProgress, ...given }: Follow & Record<string, unknown>,
  asked: string,
): { args: Record<string, unknown>; waiting: Follow } {
  const problems = createProblemList();
  if (!isNone(signal) && !isSignal(signal)) {
    const valid = 'an AbortSignal, as the signal of an AbortController';
    problems.add({ field: 'signal', problem: `is ${actualType(signal)}`, valid });
  }
  if (!isNone(onProgress) && typeof onProgress !== 'function')
    problems.add({ field: 'onProgress', problem: `is ${actualType(onProgress)}`, valid: 'a function' });
  problems.throwIfAny(refusal(asked));
  const waiting = { signal: signal ?? undefined, onProgress: onProgress ?? undefined };
  return { args: programArguments(given, asked), waiting };
}

const isNone = (value: unknown) => value === undefined || value === null;

/** Those of other libraries too, which are of another class. */
const isSignal = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'aborted' in value &&
  'addEventListener' in value &&
  typeof value.addEventListener === 'function';

/**
 * A program's arguments as JSON values, since JSON is what is sent and kept: a `Date` as its text, a `bigint` with
 * all its digits, an undefined optional left out. Throws `invalid_input` for values that JSON would silently drop or
 * change.
 */
export function programArguments(
  given: Readonly<Record<string, unknown>>,
  asked: string,
): Record<string, unknown> {
  const problems = createProblemList();
  const read = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, withNumbers(name, asJson(value, name, problems, []))] as const],
  );
  problems.throwIfAny(refusal(asked));
  return Object.fromEntries(read);
}

/** `within` lists the objects around the value, the outermost first. */
function asJson(value: unknown, field: string, problems: ProblemList, within: readonly object[]): unknown {
  const refuse = (problem: string, valid: string) => problems.add({ field, problem, valid });
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : refuse(`is ${value}`, 'a number that JSON has');
    case 'bigint':
      return exactNumber(String(value));
    case 'undefined':
    case 'function':
    case 'symbol':
      return refuse(`is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}`, 'a JSON value');
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null || value instanceof ExactNumber) return value;
  if (within.includes(value)) return refuse('is an object that contains itself', 'a JSON value');
  if (within.length > MOST_LEVELS)
    return refuse(`is nested more than ${MOST_LEVELS} levels deep`, 'fewer levels');
  const inside = [...within, value];
  if (Array.isArray(value)) {
    return Array.from(value, (each: unknown, index) => asJson(each, `${field}[${index}]`, problems, inside));
  }
  if (value instanceof String || value instanceof Number || value instanceof Boolean) {
    return asJson(value.valueOf(), field, problems, inside);
  }
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (kind !== 'Object' && kind !== 'Date' && kind !== 'URL') {
    const valid = kind === 'Promise' ? 'what it resolves to: await it' : 'its text, a list or a plain object';
    return refuse(`is a ${kind}, which JSON can't hold`, valid);
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const written: unknown = value.toJSON();
    if (written === null && kind === 'Date') return refuse('is a Date without a time', 'a valid Date');
    return asJson(written, field, problems, inside);
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      each === undefined ? [] : [[key, asJson(each, `${field}.${key}`, problems, inside)]],
    ),
  );
}
