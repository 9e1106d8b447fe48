import { ExactNumber, parseExact, plainNumbers } from '../../lib/exact-json.ts';
import { mayHoldHalf } from '../../lib/half-characters.ts';
import { isDeeper, isJsonObject, MOST_LEVELS } from '../../lib/json.ts';
import { countColons, countMembers, endOfString, outsideStrings } from '../../lib/json-source.ts';
import { quoteName } from '../../lib/nearest.ts';
import { roundedWarnings } from '../argument-numbers.ts';

/** One item of a list of tasks, as it was read. */
export type Item = {
  /** The item with JavaScript's numbers, which is what is checked. */
  value: unknown;
  /** The item with its numbers as written; the same object where there is no difference. */
  exact: unknown;
  /** A key that one of its objects has twice; the last one counts. */
  repeatedKey: string | null;
  /** Whether one of its texts may contain half a surrogate pair. */
  mayHoldHalf: boolean;
  /** Whether it is nested more than `MOST_LEVELS` deep; nothing else is known then. */
  isTooDeep: boolean;
  /** Its bytes, where any other parser reads them the same way. */
  bytes?: Uint8Array;
};

/** An item that came as a value: repeated keys are lost, and mostly the spelling of numbers, too. */
export const itemOf = (value: unknown): Item => exactItem(value, null);

/** An item assembled from the tokens of a file. */
export function exactItem(exact: unknown, repeatedKey: string | null): Item {
  const isTooDeep = isDeeper(exact, MOST_LEVELS);
  const value = isTooDeep ? exact : plainNumbers(exact);
  return { value, exact, repeatedKey, mayHoldHalf: true, isTooDeep };
}

/** Numbers that a parser may round or rewrite: fractions, powers, and more digits than are exact. */
const UNSURE_NUMBER = /\d[.eE]|\d{16}|-0/;

/**
 * Reads a line that is JSON; undefined where it is not. Where a key comes twice in an object one parser takes the first,
 * another the last: the value has fewer members then than the text has colons, and its bytes are not sent as they are.
 */
export function readItem(text: string, bytes: Uint8Array): Item | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (isDeeper(value, MOST_LEVELS)) return itemOf(value);
  const outside = outsideStrings(text);
  const isUnambiguous = countColons(outside) === countMembers(value);
  return {
    value,
    exact: UNSURE_NUMBER.test(outside) ? parseExact(text).value : value,
    repeatedKey: isUnambiguous ? null : repeatedKeyIn(text),
    mayHoldHalf: mayHoldHalf(text),
    isTooDeep: false,
    ...(isUnambiguous && { bytes }),
  };
}

/** The first key that an object of a JSON text has twice. */
export function repeatedKeyIn(text: string): string | null {
  const objects: Set<string>[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '{') objects.push(new Set());
    else if (text[at] === '}') objects.pop();
    else if (text[at] === '"') {
      const end = endOfString(text, at);
      if (/^\s*:/.test(text.slice(end + 1, end + 40))) {
        const key = String(JSON.parse(text.slice(at, end + 1)));
        if (objects.at(-1)?.has(key)) return key;
        objects.at(-1)?.add(key);
      }
      at = end;
    }
  }
  return null;
}

/** A single text is a task's prompt, with an id made from its number; any other item is returned unchanged. */
export function withTextAsPrompt(item: Item, number: number): Item {
  const { value: prompt, repeatedKey } = item;
  if (typeof prompt !== 'string' || prompt.trim() === '') return item;
  const value = { task_id: `task_${number}`, prompt };
  return { value, exact: value, repeatedKey, mayHoldHalf: item.mayHoldHalf, isTooDeep: false };
}

const ID_KEYS = ['task_id', 'custom_id'];

/** Turns numeric ids into texts, as written; an item without any is returned unchanged. */
export function withTextIds(item: Item): Item {
  const { value, exact } = item;
  if (!isJsonObject(value) || !isJsonObject(exact)) return item;
  const texts = ID_KEYS.filter((key) => typeof value[key] === 'number').map((key) => [
    key,
    idText(exact[key]),
  ]);
  if (texts.length === 0) return item;
  const { bytes: _bytes, ...rest } = item;
  const ids: Record<string, unknown> = Object.fromEntries(texts);
  return { ...rest, value: { ...value, ...ids }, exact: { ...exact, ...ids } };
}

const idText = (id: unknown) => (id instanceof ExactNumber ? id.source : String(id));

/** Warnings about an item as it was read: for a call's own arguments, the client has already parsed the numbers. */
export function itemWarnings({ value, exact, repeatedKey, bytes }: Item): string[] {
  const repeated = `${quoteName(repeatedKey ?? '')} is given twice in one object: the last one counts`;
  return [
    ...(repeatedKey === null ? [] : [repeated]),
    ...(exact === value && bytes === undefined ? roundedWarnings(value) : []),
  ];
}
