import { isJsonObject, type JsonObject } from '../../lib/json.ts';

/** Characters per token of JSON, estimated low rather than high. */
const CHARACTERS_PER_TOKEN = 2.5;
/** The length of a typical number. */
const NUMBER_CHARACTERS = 8;
/** Quotes, a colon and a comma. */
const KEY_CHARACTERS = 5;
/** A deeper schema says nothing useful. */
const DEEPEST = 10;

/** A hundred thousand tasks may share one schema. */
const known = new WeakMap<JsonObject, number | null>();

/**
 * Roughly how many tokens an answer of this schema takes; null where the schema does not limit its texts and lists.
 */
export function tokensOfAnswer(schema: JsonObject): number | null {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const characters = charactersOf(schema, DEEPEST);
  const tokens = characters === null ? null : Math.ceil(characters / CHARACTERS_PER_TOKEN);
  known.set(schema, tokens);
  return tokens;
}

function charactersOf(schema: unknown, depth: number): number | null {
  if (!isJsonObject(schema) || depth === 0) return null;
  if ('const' in schema) return JSON.stringify(schema.const).length;
  if (Array.isArray(schema.enum)) return meanOf(schema.enum);
  const { maxItems, maxLength } = schema;
  switch (schema.type) {
    case 'boolean':
    case 'null':
      return 5;
    case 'integer':
    case 'number':
      return NUMBER_CHARACTERS;
    case 'string':
      return typeof maxLength === 'number' ? maxLength + 2 : null;
    case 'array': {
      const each = charactersOf(schema.items, depth - 1);
      return each === null || typeof maxItems !== 'number' ? null : 2 + maxItems * (each + 1);
    }
    case 'object':
      return ofProperties(schema.properties, depth);
    default:
      return null;
  }
}

function ofProperties(properties: unknown, depth: number): number | null {
  if (!isJsonObject(properties)) return null;
  let sum = 2;
  for (const [name, schema] of Object.entries(properties)) {
    const length = charactersOf(schema, depth - 1);
    if (length === null) return null;
    sum += name.length + KEY_CHARACTERS + length;
  }
  return sum === 2 ? null : sum;
}

function meanOf(values: readonly unknown[]): number | null {
  if (values.length === 0) return null;
  return values.reduce((sum: number, value) => sum + JSON.stringify(value).length, 0) / values.length;
}
