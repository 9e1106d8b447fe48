import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { ExactNumber, stringifyExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import { quoteName } from '../lib/nearest.ts';
import { withNumbers } from '../tasks/argument-numbers.ts';
import { actualType } from '../tasks/problems.ts';
import { MANY_FILLERS, taskFor } from './task-as-meant.ts';
import { keyGivenTwice, numberIn, objectIn, parsed, unwrapped } from './values-in-text.ts';

type Fields = Record<string, unknown>;

/** The part of a property's schema that matters here; a field that takes several shapes has no `type`. */
const property = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.string()).optional(),
  items: z.looseObject({ type: z.string().optional(), enum: z.array(z.string()).optional() }).optional(),
  anyOf: z
    .array(
      z.looseObject({
        type: z.string().optional(),
        items: z.looseObject({ type: z.string().optional() }).optional(),
      }),
    )
    .optional(),
  minItems: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
});
type Property = z.infer<typeof property>;

const inputSchema = z.looseObject({
  properties: z.record(z.string(), property).default({}),
  required: z.array(z.string()).default([]),
});

/** Arguments as the client meant them, and notes on what was changed. */
type Meant = { args: Fields; notes: string[] };

/** Keys that clients add to whatever a model calls. */
const CLIENT_KEYS = new Set(
  (
    'toolcallid toolcalldescription tooluseid tooluseprompt randomstring callid requestcontext explanation thought sessionid chatinput ' +
    'taskprogress securityrisk waitforprevious waitforprevioustools'
  ).split(' '),
);
/** A value that one client adds under a key that could be an argument. */
const CLIENT_ACTION = 'sendMessage';

/** Numbers that are lowered to their maximum, since asking for more means wanting the most. */
const CAPPED = new Set(['limit']);

/** No tool has a tenth as many arguments, and a client adds a few keys of its own. */
const MOST_KEYS = 1_000;

/**
 * Reads the odd spellings that clients are known to send: JSON in strings, one text where a list is wanted, numbers
 * for ids, empty optional arguments, the client's own keys. Anything that could mean something else is left alone,
 * and refused where it is not valid. Throws `invalid_input` where there is no object of arguments.
 */
export function asMeant(given: unknown, advertised: unknown): Meant {
  const { properties, required } = inputSchema.parse(advertised);
  const all = argumentsOf(given);
  const known = Object.entries(all).filter(([key, value]) => key in properties || !isClients(key, value));
  const isFiller = fillerTest(known, properties, required);
  const notes: string[] = [];
  const args: Fields = {};
  for (const [key, value] of known) {
    const wanted = properties[key];
    if (isFiller(key, value)) continue;
    if (wanted !== undefined && !required.includes(key) && isNothingInWords(key, value)) {
      notes.push(`${key} ${JSON.stringify(value)} counts as left out.`);
      continue;
    }
    if (wanted !== undefined && isNoFilter(key, wanted, value)) {
      notes.push(`${key} ${JSON.stringify(value)} counts as no filter.`);
      continue;
    }
    const meant = withNumbers(
      key,
      wanted === undefined ? value : asListed(wanted, valueFor(key, wanted, value)),
    );
    args[key] = wanted === undefined ? meant : capped(key, meant, wanted, notes);
    const repeated = typeof meant === 'object' ? keyGivenTwice(value) : null;
    if (repeated !== null)
      notes.push(`${quoteName(repeated)} is given twice in one object of ${key}: the last one counts.`);
  }
  return { args, notes };
}

function argumentsOf(given: unknown): Fields {
  const value = typeof given === 'string' ? (parsed(unwrapped(given)) ?? given) : given;
  if (isJsonObject(value)) {
    const keys = Object.keys(value).length;
    if (keys > MOST_KEYS) throw noArguments(`has ${keys.toLocaleString('en-US')} keys`);
    return value;
  }
  const isNothing =
    value === undefined || value === null || (typeof value === 'string' && /^\s*(?:null)?\s*$/.test(value));
  if (isNothing || (Array.isArray(value) && value.length === 0)) return {};
  throw noArguments(`is ${actualType(value)}`);
}

function noArguments(problem: string): BatchError {
  return new BatchError('invalid_input', 'The arguments of a tool are named; nothing was done.', {
    problems: [{ field: 'arguments', problem, valid: 'an object of the arguments that the tool lists' }],
  });
}

const isClients = (key: string, value: unknown) =>
  key.startsWith('_') ||
  CLIENT_KEYS.has(key.toLowerCase().replaceAll(/[_-]/g, '')) ||
  (key === 'action' && value === CLIENT_ACTION);

/** Makes a test of whether an argument is mere filler from a client that leaves out none. */
function fillerTest(
  given: readonly [string, unknown][],
  properties: Readonly<Record<string, Property>>,
  required: readonly string[],
): (key: string, value: unknown) => boolean {
  const isOptional = (key: string) => key in properties && !required.includes(key);
  const saysNothing = (key: string, value: unknown) =>
    value === null || (isOptional(key) && isEmpty(value, properties[key]));
  const fillers = given.filter(([key, value]) => saysNothing(key, value)).length;
  const zerosToo = fillers >= MANY_FILLERS;
  return (key, value) => saysNothing(key, value) || (zerosToo && value === 0 && isOptional(key));
}

/** What programs write for an absent value. */
const NOTHING_IN_WORDS = /^\s*(?:null|undefined|None)\s*$/;
/** Arguments that may well search for such a word. */
const LOOKED_FOR = new Set(['search', 'name_contains']);

const isNothingInWords = (key: string, value: unknown) =>
  typeof value === 'string' && NOTHING_IN_WORDS.test(value) && !LOOKED_FOR.has(key);

/** Whether a filter says "all", in a word that is none of its values. */
function isNoFilter(key: string, wanted: Property, value: unknown): boolean {
  const [only] = Array.isArray(value) && value.length === 1 ? value : [value];
  return (
    ['outcomes', 'processing_status'].includes(key) &&
    typeof only === 'string' &&
    /^(all|any|\*)$/i.test(only.trim()) &&
    (wanted.items?.enum ?? wanted.enum) !== undefined
  );
}

/** A value of a fixed set, whatever its case or English, and without quotes or blanks around it. */
function asListed({ enum: own, items }: Property, value: unknown): unknown {
  const bare = (text: string) =>
    text
      .trim()
      .replace(/^(["'`])(.*)\1$/, '$2')
      .toLowerCase()
      .replace(/^cancell(?=ed$|ing$)/, 'cancel');
  const listed = (each: unknown) =>
    (typeof each === 'string' && (own ?? items?.enum)?.find((name) => name === bare(each))) || each;
  return Array.isArray(value) ? value.map(listed) : listed(value);
}

function isEmpty(value: unknown, wanted: Property | undefined): boolean {
  if (value === '') return true;
  // Where an empty list is allowed it means just that: no tasks are no tasks.
  if (Array.isArray(value)) return value.length === 0 && wanted?.minItems !== undefined;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function valueFor(key: string, wanted: Property, value: unknown): unknown {
  switch (wanted.type) {
    case 'boolean':
      return typeof value === 'string' ? (booleans.get(value.trim().toLowerCase()) ?? value) : value;
    case 'integer':
    case 'number':
      return typeof value === 'string' ? (numberIn(value) ?? value) : value;
    case 'object':
      return objectFor(key, value);
    case 'array':
      return listFor(wanted, value);
    case 'string':
      return textFor(value);
    default:
      return listOrElse(wanted, value);
  }
}

/** A list, possibly as JSON in a text, for an argument that also takes a path. */
function listOrElse({ anyOf = [] }: Property, value: unknown): unknown {
  const wanted = anyOf.find(({ type }) => type === 'array');
  const list = typeof value === 'string' ? parsed(value) : value;
  return wanted !== undefined && Array.isArray(list)
    ? list.map((entry) => entryFor(wanted.items?.type, entry))
    : value;
}

/** Arguments that hold objects by names. */
const OF_OBJECTS = new Set(['variants']);

function objectFor(key: string, value: unknown): unknown {
  const object = typeof value === 'string' ? objectIn(unwrapped(value)) : value;
  if (!isJsonObject(object) || !OF_OBJECTS.has(key)) return object;
  return Object.fromEntries(
    Object.entries(object).map(([name, each]) => [name, typeof each === 'string' ? objectIn(each) : each]),
  );
}

const booleans = new Map([
  ['true', true],
  ['false', false],
]);

/** A single text in a list stands for that text, and a whole number for its digits. */
function textFor(value: unknown): unknown {
  const [only] = Array.isArray(value) && value.length === 1 ? value : [value];
  if (isWhole(only)) return stringifyExact(only);
  return typeof only === 'string' ? only : value;
}

function listFor({ items }: Property, value: unknown): unknown {
  if (typeof value === 'string') {
    const text = unwrapped(value);
    const json = parsed(text);
    if (Array.isArray(json)) return json.map((entry) => entryFor(items?.type, entry));
    if (json !== undefined) return json;
    // Otherwise text that looks like JSON, but is not, would be sent as a task.
    if (/^\s*[[{]/.test(text)) return value;
    return items?.enum ? value.split(/[\s,]+/).filter((each) => each !== '') : [value];
  }
  return Array.isArray(value) ? value.map((entry) => entryFor(items?.type, entry)) : value;
}

function entryFor(type: string | undefined, entry: unknown): unknown {
  if (type === 'string') return isWhole(entry) ? stringifyExact(entry) : entry;
  if (type !== 'object') return entry;
  const task = typeof entry === 'string' ? objectIn(entry) : entry;
  return isJsonObject(task) ? taskFor(task) : task;
}

/** Whether a value is a whole number whose digits are all known. */
const isWhole = (value: unknown) =>
  value instanceof ExactNumber ? /^-?\d+$/.test(value.source) : Number.isSafeInteger(value);

function capped(key: string, value: unknown, { maximum }: Property, notes: string[]): unknown {
  if (!CAPPED.has(key) || maximum === undefined || typeof value !== 'number' || value <= maximum)
    return value;
  notes.push(`${key} is ${maximum} here, not ${value}: one call gives no more.`);
  return maximum;
}
