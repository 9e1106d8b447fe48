import { seedOf } from './seed.ts';

type Schema = Record<string, unknown>;

/** Deeper than this only what a schema requires is filled in: it may refer to itself. */
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

type Place = { root: Schema; seed: string; depth: number };

function sample(schema: Schema, place: Place): unknown {
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
  const least = numberOf(schema.minItems) ?? 0;
  const usual = place.depth < OPTIONAL_DEPTH ? 1 + (seedOf(place.seed) % 2) : 0;
  const length = Math.max(least, Math.min(usual, numberOf(schema.maxItems) ?? usual));
  const items = isSchema(schema.items) ? schema.items : {};
  return Array.from({ length }, (_, index) => sample(items, deeper(place, `[${index}]`)));
}

function sampleNumber(schema: Schema, place: Place): number {
  const least = numberOf(schema.minimum) ?? (numberOf(schema.exclusiveMinimum) ?? -1) + 1;
  const most = numberOf(schema.maximum) ?? numberOf(schema.exclusiveMaximum) ?? least + 100;
  const step = numberOf(schema.multipleOf) ?? 1;
  const first = Math.ceil(least / step) * step;
  const steps = Math.max(1, Math.ceil((most - first) / step));
  return first + (seedOf(place.seed) % steps) * step;
}

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

/** Follows `#/$defs/name`; what leads nowhere allows anything. */
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
