import { isJsonObject, type JsonObject } from '../json.ts';

/** A larger schema takes seconds to compile, in which nobody else is served, or overflows the call stack. */
const MOST_OBJECTS = 1_000;
const MOST_LEVELS = 200;

export const SMALL_ENOUGH = `a schema of at most ${MOST_OBJECTS.toLocaleString('en-US')} objects, at most ${MOST_LEVELS} levels deep`;

/** Keywords whose values are data, in which `$ref` is not a reference. */
const DATA = new Set(['const', 'enum', 'default', 'examples']);

/** The size of a value, including everything that its references name; `Infinity` where it has no end. */
type Size = { objects: number; levels: number };

const NOTHING: Size = { objects: 0, levels: 0 };

/** Why a schema is too large for checking answers; null where it is not. */
export function tooLarge(schema: JsonObject): string | null {
  const { objects, levels } = sizeOf(schema);
  if (levels > MOST_LEVELS) return `is nested more than ${MOST_LEVELS} levels deep`;
  if (objects <= MOST_OBJECTS) return null;
  return `holds ${objects.toLocaleString('en-US')} objects, with what each $ref names counted wherever it stands`;
}

/**
 * Definitions count each time they are referred to: a few that each refer twice to the next one multiply to millions,
 * and an answer is checked against every one.
 */
function sizeOf(root: JsonObject): Size {
  const known = new Map<unknown, Size>();

  function measure(value: unknown): Size {
    if (typeof value !== 'object' || value === null) return NOTHING;
    const before = known.get(value);
    if (before !== undefined) return before;
    // A schema that refers to itself goes only as deep as the answer does.
    known.set(value, NOTHING);
    let objects = isJsonObject(value) ? 1 : 0;
    let levels = 0;
    for (const each of within(value)) {
      const size = measure(each);
      objects += size.objects;
      levels = Math.max(levels, size.levels);
    }
    const size = { objects, levels: levels + 1 };
    known.set(value, size);
    return size;
  }

  function within(value: object): unknown[] {
    if (!isJsonObject(value)) return Object.values(value);
    const named = typeof value.$ref === 'string' ? [namedBy(value.$ref, root)] : [];
    const { $defs: _defs, definitions: _definitions, ...rest } = value;
    return [...named, ...Object.entries(rest).flatMap(([key, each]) => (DATA.has(key) ? [] : [each]))];
  }

  return measure(root);
}

/** What a reference within a schema names; undefined for one that leads elsewhere. */
function namedBy(reference: string, root: JsonObject): unknown {
  if (!reference.startsWith('#')) return undefined;
  return reference
    .slice(1)
    .split('/')
    .filter(Boolean)
    .reduce<unknown>((found, step) => {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      return isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
    }, root);
}
