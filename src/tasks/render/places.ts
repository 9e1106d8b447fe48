import type { Problem } from '../../errors.ts';
import { ExactNumber, stringifyExact } from '../../lib/exact-json.ts';
import { hasName, ownName, plainName } from '../../lib/names.ts';
import { didYouMean, nearest } from '../../lib/nearest.ts';
import type { Template } from '../../templates/template.ts';

/** Blanks are trimmed separately: matching them here would take quadratic time. */
const place = /\{\{([^{}]+)\}\}/g;

/** Whether a text has places, `{{name}}`, to be filled per task. */
export function hasPlaces(text: string): boolean {
  return (text.match(place) ?? []).some((found) => found.slice(2, -2).trim() !== '');
}

/** The value that a name stands for in an input: the one under it, or, with dots, a nested one. */
export function valueAt(input: Readonly<Record<string, unknown>>, name: string): unknown {
  const own = ownName(input, name);
  if (own !== undefined) return input[own];
  if (!name.includes('.')) return undefined;
  let value: unknown = input;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return undefined;
    const key = ownName(value, part);
    if (key === undefined) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** The names of a text's places, each once. */
export function placesOf(text: string): string[] {
  const names = [...text.matchAll(place)].map(([, inner = '']) => plainName(inner));
  return [...new Set(names.filter((name) => name !== ''))];
}

/**
 * Fills the places of a text with the values of a row: texts and numbers as written, anything else as JSON. Null or
 * missing values fill as nothing, and are passed to `empty`.
 */
export function fillFromRow(
  text: string,
  values: Readonly<Record<string, unknown>>,
  empty: (name: string) => void,
): string {
  return text.replace(place, (whole, inner: string) => {
    const name = plainName(inner);
    if (name === '') return whole;
    const value = valueAt(values, name) ?? '';
    if (value === '') empty(name);
    return typeof value === 'string' ? value : stringifyExact(value);
  });
}

/**
 * Fills the places of a shared prompt with a task's input: strings unchanged, anything else as JSON; `{{order.id}}`
 * reaches into objects. Filled-in text is not searched for places again.
 */
export function fillPlaces(
  text: string,
  input: Readonly<Record<string, unknown>>,
  field: string,
): { text: string; problems: Problem[] } {
  const names = Object.keys(input);
  const problems: Problem[] = bracedPlaces(text, names).map((name) => ({
    field,
    problem: `the place {{${name}}} can't be filled: ${NO_BRACES}`,
    valid: 'a key of input_data that has no braces',
  }));
  const filled = text.replace(place, (whole, inner: string) => {
    const name = plainName(inner);
    if (name === '') return whole;
    const value = valueAt(input, name);
    if (value === undefined || value === null) {
      problems.push({
        field,
        problem: `the place {{${name}}} has nothing to be filled with${didYouMean(name, names)}`,
        valid: `a key of this task's input_data: ${names.slice(0, 20).join(', ') || '(it has none)'}`,
      });
      return whole;
    }
    return typeof value === 'string' ? value : stringifyExact(value);
  });
  return { text: filled, problems };
}

/** How other programs write a place, with its name; single letters in brackets are check boxes. */
const OTHER_PLACES = [
  /(?<!\{)\{\{\s*([^{}\n]{1,60}?)\s*\}(?!\})/g,
  /(?<!\{)\{\s*([^{}\n]{1,60}?)\s*\}\}(?!\})/g,
  /(?<!\{)\{\{\s*([\p{L}_][\p{L}\p{N}_]{0,59})(?![\p{L}\p{N}_]|[^{}\n]*\})/gu,
  /(?<!\{)[$#]?\{\s*([^{}\n]{1,60}?)\s*(?:![rsa])?(?::[^\s{}]{1,12})?\}(?!\})/g,
  /\{%\s*([^%{}\n]{1,60}?)\s*%\}/g,
  /%\(([^()\n]{1,60})\)[sdifr]/g,
  /(?<![{%\w])%([^%{}\n]{1,60})%(?![}\w])/g,
  /\$\(([^()\n]{1,60})\)/g,
  /\$([A-Za-z_]\w{0,59})/g,
  /\[\[\s*([^[\]\n]{1,60}?)\s*\]\]/g,
  /(?<!\[)\[([^[\]\n]{2,60})\](?![\](:])/g,
  /<<\s*([^<>\n]{1,60}?)\s*>>/g,
  // Escaped braces, and full-width ones.
  /\\\{(?:\\?\{)?\s*([^{}\\\n]{1,60}?)\s*\\?\}(?:\\?\})?/g,
  /｛｛?\s*([^｛｝\n]{1,60}?)\s*｝｝?/g,
];
/** Places without a name: with a single field, they can only mean that one. */
const UNNAMED = /\{\{\s*\}\}|(?<!\{)\{0\}(?!\})|(?<![%\w])%s\b/g;
/** Fields that are not filled in follow the prompt in tags of their names, and the prompt may refer to those. */
const TAG = /(?<!<)<([^<>/\n]{1,60})>(?!>)/g;

/** The input's name that the text in a place means: `Text`, `input_data.text` or `text | upper` for `text`. */
export function meantPlace(inner: string, names: readonly string[]): string | undefined {
  const bare = inner
    .replace(/\s*\|.*$/, '')
    .replace(/^(?:\$|this|input_data|input|row|item|data)\.(?=.)/, '');
  return nearest(bare, names);
}

export const NO_BRACES = 'a name with braces can fill none';

let last: { text: string; key: string; found: Found[] } | undefined;
type Found = { whole: string; name: string };

/** Warns of text that looks like places and is sent unchanged, though these names could fill it. */
function otherPlaces(text: string, names: readonly string[], areTagged: boolean): Found[] {
  if (names.length === 0) return [];
  // Most often it is the prompt of all rows.
  const key = JSON.stringify([areTagged, ...names]);
  if (last?.text === text && last.key === key) return last.found;
  const known = new Map(names.map((name) => [name.toLowerCase(), name]));
  const found = new Map<string, string>();
  for (const form of areTagged ? OTHER_PLACES : [...OTHER_PLACES, TAG]) {
    for (const [whole, inner = ''] of text.matchAll(form)) {
      const name = known.get(plainName(inner).toLowerCase());
      if (name !== undefined && !(form === TAG && text.includes(`</${inner}>`))) found.set(whole, name);
    }
  }
  const [only] = names;
  if (only !== undefined && names.length === 1 && !hasPlaces(text))
    for (const [whole] of text.matchAll(UNNAMED)) found.set(whole, only);
  last = { text, key, found: [...found].map(([whole, name]) => ({ whole, name })) };
  return last.found;
}

/** The names with braces that a text uses: a place can't contain braces, so nothing fills these. */
export function bracedPlaces(text: string, names: readonly string[]): string[] {
  const braced = names.filter((name) => /[{}]/.test(name));
  if (braced.length === 0) return [];
  const bare = text.replaceAll(/\{\{\s+/g, '{{').replaceAll(/\s+\}\}/g, '}}');
  return braced.filter((name) => bare.includes(`{{${name.trim()}}}`));
}

/** Three braces: the unescaped form in some template languages, or a value within braces in Python's. */
const TRIPLE = /\{\{\{\s*([^{}\n]{1,60}?)\s*\}\}\}/g;

/**
 * Warns of places in a prompt that are sent unchanged but were probably meant to be filled, and of filled ones that
 * keep braces.
 */
export function mistakenPlaces(prompt: string, names: readonly string[], areTagged: boolean): string[] {
  const tripled = (prompt.includes('{{{') ? [...prompt.matchAll(TRIPLE)] : []).filter(([, name = '']) =>
    hasName(names, name.split('.')[0] ?? ''),
  );
  return [
    ...otherPlaces(prompt, names, areTagged).map(
      ({ whole, name }) => `${whole} in the prompt is sent unchanged: did you mean {{${name}}}?`,
    ),
    ...bracedPlaces(prompt, names).map((name) => `the place {{${name}}} is sent unchanged: ${NO_BRACES}`),
    ...new Set(
      tripled.map(
        ([whole, name]) =>
          `${whole} in the prompt is sent as a value in braces, {…}: {{${name}}} is the value alone`,
      ),
    ),
  ];
}

/** The same for the prompt of an owner's task type, whose file may be untested. */
export function mistakenInTemplate(
  { written, places = [] }: Partial<Template>,
  input: Readonly<Record<string, unknown>>,
): string[] {
  return written === undefined ? [] : mistakenPlaces(written, Object.keys(input), places.length === 0);
}

/** Warns of places in a text other than a prompt, where nothing fills them. */
export function placesBesidePrompt(field: string, text: string, names: readonly string[]): string[] {
  const written = [
    ...placesOf(text).map((name) => `{{${name}}}`),
    ...otherPlaces(text, names, true).map(({ whole }) => whole),
  ];
  return written.map(
    (place) => `${place} in ${field} is sent unchanged: places are filled only in prompts, as {{name}}`,
  );
}

/** Fills the places that an input has values for; leaves the others unchanged, and returns their names. */
export function fillKnownPlaces(
  text: string,
  input: Readonly<Record<string, unknown>>,
): { text: string; filled: number; unfilled: string[] } {
  const unfilled = new Set<string>();
  let filled = 0;
  const result = text.replace(place, (whole, inner: string) => {
    const name = plainName(inner);
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
