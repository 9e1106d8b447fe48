import { plainNumbers } from '../../lib/exact-json.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';

/** Arguments that hold what a model reads. */
const READ = new Set(['requests', 'input_data', 'output_schema', 'params']);

/** An argument that was written as JSON: its numbers as they stood there in what is sent, as JavaScript's in all else. */
export function withNumbers(key: string, value: unknown): unknown {
  if (READ.has(key)) return value;
  if (key !== 'variants' || !isJsonObject(value)) return plainNumbers(value);
  return mapValues(value, (_name, own) => (isJsonObject(own) ? mapValues(own, withNumbers) : own));
}

const mapValues = (value: JsonObject, change: (key: string, value: unknown) => unknown): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([key, each]) => [key, change(key, each)]));
