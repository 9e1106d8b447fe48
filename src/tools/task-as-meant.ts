import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { numberIn, OBJECT_FIELDS, objectIn, parsed } from './values-in-text.ts';

const IDS = new Set(['task_id', 'custom_id']);

/** Fields whose values are words in small letters. */
const OF_FIXED_SET = new Set(['model_tier', 'effort']);

/** Fields that a task may leave out, and that clients and models fill in with nothing. */
const OPTIONAL =
  'task_type input_data model_tier model effort max_tokens system output_schema custom_id params'.split(' ');

/** With this many empty optional fields the client filled in all of them: zeros then mean nothing either. */
export const MANY_FILLERS = 3;

/** Reads the odd spellings of a task in a call: JSON in texts, numbers for ids, mere filler. */
export function taskFor(given: JsonObject): JsonObject {
  const fields = Object.entries(given).map(([key, value]): [string, unknown] => [key, fieldFor(key, value)]);
  const task = new Map(fields);
  const isNative = isJsonObject(task.get('params')) && !isNothing(task.get('params'));
  const isTyped = !isNothing(task.get('task_type') ?? '');
  const optional = new Set([
    ...OPTIONAL,
    ...(isNative ? ['task_id', 'prompt'] : []),
    ...(isTyped ? ['prompt'] : []),
  ]);
  const fillers = fields.filter(([key, value]) => optional.has(key) && isNothing(value)).length;
  // Alone, these two are more likely mistakes, which have to be refused.
  const isUnsure = (key: string, value: unknown) =>
    value === 0 || (key === 'output_schema' && isJsonObject(value));
  const isFiller = ([key, value]: [string, unknown]) =>
    optional.has(key) &&
    (isNothing(value) || value === 0) &&
    (!isUnsure(key, value) || fillers >= MANY_FILLERS);
  return Object.fromEntries(fields.filter((field) => !isFiller(field)));
}

const isNothing = (value: unknown) =>
  value === '' || (isJsonObject(value) && Object.keys(value).length === 0);

function fieldFor(key: string, value: unknown): unknown {
  if (IDS.has(key) && Number.isSafeInteger(value)) return String(value);
  if (typeof value === 'string' && OF_FIXED_SET.has(key)) return value.trim().toLowerCase();
  if (typeof value === 'string' && key === 'max_tokens') return numberIn(value) ?? value;
  const object = typeof value === 'string' && OBJECT_FIELDS.includes(key) ? objectIn(value) : value;
  return key === 'params' && isJsonObject(object) ? paramsFor(object) : object;
}

function paramsFor(params: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => {
      if (typeof value !== 'string') return [key, value];
      if (key === 'max_tokens') return [key, numberIn(value) ?? value];
      // Apart from `system`, no text among the params begins like JSON.
      return [key, key === 'system' ? value : (parsed(value) ?? value)];
    }),
  );
}
