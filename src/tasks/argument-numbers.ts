import { plainNumbers } from '../lib/exact-json.ts';
import { findWithin } from '../lib/half-characters.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';

const isRounded = (value: unknown) =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);

const NAMED_NUMBERS = 3;

/** Numbers of a call's own arguments that can't be right: the client has parsed them, and only that is seen here. */
export const roundedWarnings = (value: unknown): string[] =>
  [...findWithin(value, isRounded)]
    .slice(0, NAMED_NUMBERS)
    .map(
      (field) =>
        `${field} is a whole number above 2^53, which was rounded on its way here: give it as a text`,
    );

/** Arguments that hold what a model reads. */
const READ = new Set(['requests', 'input_data', 'output_schema', 'params']);

/** An argument that was written as JSON: its numbers as written in what is sent, as JavaScript's elsewhere. */
export function withNumbers(key: string, value: unknown): unknown {
  if (READ.has(key)) return value;
  if (key !== 'variants' || !isJsonObject(value)) return plainNumbers(value);
  return mapValues(value, (_name, own) => (isJsonObject(own) ? mapValues(own, withNumbers) : own));
}

const mapValues = (value: JsonObject, change: (key: string, value: unknown) => unknown): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([key, each]) => [key, change(key, each)]));
