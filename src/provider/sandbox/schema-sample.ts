import { createHash } from 'node:crypto';

/** A whole number below 2^32 that is the same for the same text, whatever process asks. */
export function seedOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

/** Shuffles a copy of `items`, the same way for the same seed. */
export function shuffled<T>(items: readonly T[], seed: string): T[] {
  return items
    .map((item, index) => ({ item, order: seedOf(`${seed}/${index}`) }))
    .sort((one, other) => one.order - other.order)
    .map(({ item }) => item);
}

type Schema = Record<string, unknown>;

/** Deeper than this only required properties are filled in: a schema may refer to itself. */
const OPTIONAL_DEPTH = 6;

const formats: Record<string, string> = {
  date: '2026-01-01',
  time: '12:00:00Z',
  'date-time': '2026-01-01T12:00:00Z',
  duration: 'P1D',
  email: 'sandbox@example.com',
  hostname: 'sandbox.example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://sandbox.example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

/** A made-up value that conforms to a JSON Schema, the same one for the same `seed`. */
export function sampleOfSchema(schema: Schema, seed: string): unknown {
  return sample(schema, { root: schema, seed, depth: 0 });
}

const NAME = /([{,] ?)([$\w-]+): /g;

/**
 * A model reads in a description what structured output does not take as keywords, in its last paragraph: `{minimum: 1, maximum:
 * 10}`. So does the sandbox, where it can.
 */
function withDescribed(schema: Schema): Schema {
  const { description } = schema;
  const last = typeof description === 'string' ? (description.split('\n\n').at(-1) ?? '') : '';
  if (!/^\{[$\w-]+: .*\}$/s.test(last)) return schema;
  try {
    const described: unknown = JSON.parse(last.replaceAll(NAME, '$1"$2": '));
    return isSchema(described) ? { ...described, ...schema } : schema;
  } catch {
    return schema;
  }
}

type Place = { root: Schema; seed: string; depth: number };

function sample(given: Schema, place: Place): unknown {
  const schema = withDescribed(given);
  if ('const' in schema) return schema.const;
  const choices = listOf(schema.enum);
  if (choices.length > 0) return choices[seedOf(place.seed) % choices.length];
  if (typeof schema.$ref === 'string') return sample(resolve(schema.$ref, place.root), deeper(place, ''));
  const alternative = [...listOf(schema.anyOf), ...listOf(schema.oneOf), ...listOf(schema.allOf)][0];
  if (isSchema(alternative)) return sample(alternative, deeper(place, ''));
  switch (typeOf(schema)) {
    case 'object':
      return sampleObject(schema, place);
    case 'array':
      return sampleArray(schema, place);
    case 'integer':
    case 'number':
      return sampleNumber(schema, place);
    case 'boolean':
      return seedOf(place.seed) % 2 === 0;
    case 'null':
      return null;
    default:
      return sampleText(schema, place);
  }
}

function sampleObject(schema: Schema, place: Place): Schema {
  const required = listOf(schema.required);
  const properties = isSchema(schema.properties) ? Object.entries(schema.properties) : [];
  const wanted = properties.filter(([name]) => place.depth < OPTIONAL_DEPTH || required.includes(name));
  return Object.fromEntries(
    wanted.map(([name, property]) => [
      name,
      sample(isSchema(property) ? property : {}, deeper(place, `.${name}`)),
    ]),
  );
}

function sampleArray(schema: Schema, place: Place): unknown[] {
  const first = listOf(schema.prefixItems);
  const least = Math.max(first.length, numberOf(schema.minItems) ?? 0);
  const usual = place.depth < OPTIONAL_DEPTH ? 1 + (seedOf(place.seed) % 2) : 0;
  const length = Math.max(least, Math.min(usual, numberOf(schema.maxItems) ?? usual));
  const items = isSchema(schema.items) ? schema.items : {};
  return Array.from({ length }, (_, index) => {
    const own = first[index] ?? items;
    return sample(isSchema(own) ? own : {}, deeper(place, `[${index}]`));
  });
}

function sampleNumber(schema: Schema, place: Place): number {
  const step = numberOf(schema.multipleOf) ?? (schema.type === 'integer' ? 1 : undefined);
  const [above, below] = [numberOf(schema.exclusiveMinimum), numberOf(schema.exclusiveMaximum)];
  const least =
    numberOf(schema.minimum) ?? above ?? Math.min(0, (numberOf(schema.maximum) ?? below ?? 100) - 100);
  const most = numberOf(schema.maximum) ?? below ?? least + 100;
  const size = step ?? (most - least >= 2 ? 1 : (most - least) / 10);
  if (size === 0) return least;
  const isRight = (value: number) =>
    value >= least &&
    value <= most &&
    (above === undefined || value > above) &&
    (below === undefined || value < below);
  const first = Math.ceil(least / size);
  const count = Math.max(1, Math.min(1000, Math.floor(most / size) - first + 1));
  const start = seedOf(place.seed) % count;
  // A bound that is not one of the numbers is passed by the next.
  const candidates = [start, start + 1, start - 1, 0, 1].map((index) => exactly((first + index) * size));
  return candidates.find(isRight) ?? exactly(first * size);
}

/** Without the digits that a floating-point product adds at its end. */
const exactly = (value: number) => Number(value.toPrecision(12));

function sampleText(schema: Schema, place: Place): string {
  const format = schema.format;
  const fixed = typeof format === 'string' ? formats[format] : undefined;
  if (fixed !== undefined) return fixed;
  const marked = `[sandbox] made-up text ${(seedOf(place.seed) % 1000) + 1}`;
  const least = numberOf(schema.minLength) ?? 0;
  return marked.padEnd(least, '.').slice(0, Math.max(least, numberOf(schema.maxLength) ?? marked.length));
}

function typeOf(schema: Schema): unknown {
  const type = schema.type;
  if (Array.isArray(type)) return type.find((name) => name !== 'null') ?? 'null';
  if (type === undefined && 'properties' in schema) return 'object';
  return type;
}

/** Follows `#/$defs/name`; a reference to nothing allows anything. */
function resolve(reference: string, root: Schema): Schema {
  const steps = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  let found: unknown = root;
  for (const step of steps) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    found = isSchema(found) ? found[name] : undefined;
  }
  return isSchema(found) ? found : {};
}

function deeper(place: Place, step: string): Place {
  return { root: place.root, seed: place.seed + step, depth: place.depth + 1 };
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
