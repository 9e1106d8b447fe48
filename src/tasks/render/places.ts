import type { Problem } from '../../errors.ts';
import { ExactNumber, stringifyExact } from '../../lib/exact-json.ts';

/** Blanks are trimmed apart from it: matching them too would take a time that grows with the square of their number. */
const place = /\{\{([^{}]+)\}\}/g;

/** Whether a text holds places, `{{name}}`, to be filled per task. */
export function hasPlaces(text: string): boolean {
  return (text.match(place) ?? []).some((found) => found.slice(2, -2).trim() !== '');
}

/** What a name stands for in an input: the value under it, or, with dots, what it reaches within. */
export function valueAt(input: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(input, name)) return input[name];
  let value: unknown = input;
  for (const key of name.split('.')) {
    if (
      typeof value !== 'object' ||
      value === null ||
      value instanceof ExactNumber ||
      !Object.hasOwn(value, key)
    )
      return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** The names of a text's places, each once. */
export function placesOf(text: string): string[] {
  const names = [...text.matchAll(place)].map(([, inner = '']) => inner.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}

/**
 * Fills the places of a text with the values of a row: texts and numbers as they were written, all else as JSON. What is
 * null, or not there, fills as nothing; `empty` is told of it.
 */
export function fillFromRow(
  text: string,
  values: Readonly<Record<string, unknown>>,
  empty: (name: string) => void,
): string {
  return text.replace(place, (whole, inner: string) => {
    const name = inner.trim();
    if (name === '') return whole;
    const value = valueAt(values, name) ?? '';
    if (value === '') empty(name);
    return typeof value === 'string' ? value : stringifyExact(value);
  });
}

/**
 * Fills the places of a shared prompt with a task's input: strings as they are, all else as JSON;
 * `{{order.id}}` reaches into objects. What was filled in is not searched for places again.
 */
export function fillPlaces(
  text: string,
  input: Readonly<Record<string, unknown>>,
  field: string,
): { text: string; problems: Problem[] } {
  const problems: Problem[] = [];
  const filled = text.replace(place, (whole, inner: string) => {
    const name = inner.trim();
    if (name === '') return whole;
    const value = valueAt(input, name);
    if (value === undefined || value === null) {
      problems.push({
        field,
        problem: `the place {{${name}}} has nothing to be filled with`,
        valid: `a key of this task's input_data: ${Object.keys(input).slice(0, 20).join(', ') || '(it has none)'}`,
      });
      return whole;
    }
    return typeof value === 'string' ? value : stringifyExact(value);
  });
  return { text: filled, problems };
}

/** `{name}` and `${name}`, as other programs write a place; not within double braces. */
const OTHER_PLACE = /(?<!\{)\$?\{([\w.-]{1,60})\}(?!\})/g;

/** What looks like places in a text, and is sent as it stands, though these names could fill it. */
export function mistakenPlaces(text: string, names: readonly string[]): string[] {
  if (!text.includes('{') || names.length === 0) return [];
  const found = [...text.matchAll(OTHER_PLACE)].filter(([, name = '']) => names.includes(name));
  const said = found.map(
    ([whole, name]) => `${whole} in the prompt is sent as it stands: did you mean {{${name}}}?`,
  );
  return [...new Set(said)];
}

/** Fills the places that an input has values for; the others stay as they are, and are named. */
export function fillKnownPlaces(
  text: string,
  input: Readonly<Record<string, unknown>>,
): { text: string; filled: number; unfilled: string[] } {
  const unfilled = new Set<string>();
  let filled = 0;
  const result = text.replace(place, (whole, inner: string) => {
    const name = inner.trim();
    const value = name === '' ? undefined : valueAt(input, name);
    if (value === undefined || value === null) {
      if (name !== '') unfilled.add(name);
      return whole;
    }
    filled += 1;
    return typeof value === 'string' ? value : stringifyExact(value);
  });
  return { text: result, filled, unfilled: [...unfilled] };
}
