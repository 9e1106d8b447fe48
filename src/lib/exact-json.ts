import { randomBytes } from 'node:crypto';
import { countColons, countMembers, endOfString } from './json-source.ts';

/** A number whose source has more than a JavaScript number can hold: `1234567890123456789`, `100.10`. */
export class ExactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** What `JSON.stringify` writes for it, and `stringifyExact` turns back: there is no other way on Node 20. */
  toJSON(): string {
    wasWritten = true;
    return `${MARK}${this.source}`;
  }

  toString(): string {
    return this.source;
  }
}

/** Whether an exact number was written since this was last reset, which saves looking for marks in a long text. */
let wasWritten = false;

/** Precedes a number that is temporarily in a string. Random in every process, so that no text can contain it. */
const MARK = `exact-number-${randomBytes(12).toString('hex')}:`;
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g');

const NUMBER = /-?\d[\d.eE+-]*/g;

const isExact = (source: string) => String(Number(source)) === source;

/** A number in JSON source: a JavaScript number where that says the same. */
export function exactNumber(source: string): number | ExactNumber {
  return isExact(source) ? Number(source) : new ExactNumber(source);
}

/** A reviver for `JSON.parse`, for texts in which exact numbers have the form that `toJSON` gives them. */
export function reviveNumber(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(MARK)
    ? new ExactNumber(value.slice(MARK.length))
    : value;
}

/** A value in a form that another thread, with a different mark, can read. */
export type PassedOn = { text: string; mark: string };

export const passOn = (value: unknown): PassedOn => ({ text: JSON.stringify(value), mark: MARK });

/** The value that was given to `passOn`. */
export const taken = ({ text, mark }: PassedOn): ReturnType<typeof JSON.parse> =>
  JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? new ExactNumber(value.slice(mark.length)) : value,
  );

/** The text with `change` applied outside its strings. */
function changeOutsideStrings(text: string, change: (outside: string) => string): string {
  let changed = '';
  let from = 0;
  for (let open = text.indexOf('"'); open !== -1; open = text.indexOf('"', from)) {
    const end = endOfString(text, open) + 1;
    changed += change(text.slice(from, open)) + text.slice(open, end);
    from = end;
  }
  return changed + change(text.slice(from));
}

type ExactJson = {
  /** As from `JSON.parse`, but a number that would come out different is an `ExactNumber`. */
  value: unknown;
  /** Whether an object has a key twice, of which the value holds the last. */
  repeatsKey: boolean;
};

/** Throws `SyntaxError` where the text is not JSON. */
export function parseExact(text: string): ExactJson {
  const value: unknown = JSON.parse(text);
  let exact = true;
  let colons = 0;
  const marked = changeOutsideStrings(text, (outside) => {
    colons += countColons(outside);
    return outside.replaceAll(NUMBER, (source) => {
      if (isExact(source)) return source;
      exact = false;
      return `"${MARK}${source}"`;
    });
  });
  const repeatsKey = colons !== countMembers(value);
  if (exact) return { value, repeatsKey };
  return { value: JSON.parse(marked, reviveNumber), repeatsKey };
}

/** The same with the nearest JavaScript numbers instead of exact ones. */
export function withPlainNumbers<T>(value: T): T {
  const text = JSON.stringify(value);
  return text?.includes(MARK) ? JSON.parse(text.replaceAll(MARKED, '$1')) : value;
}

/** As `JSON.stringify`, for values from `parseExact`: every number as it was written. */
export function stringifyExact(value: unknown, indent?: number): string {
  wasWritten = false;
  const text = JSON.stringify(value, null, indent);
  return wasWritten ? text.replaceAll(MARKED, '$1') : text;
}

/** The value with its exact numbers as JavaScript numbers; the same object where it has none. */
export function plainNumbers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ExactNumber) return Number(value.source);
  if (Array.isArray(value)) {
    const list: unknown[] = value.map(plainNumbers);
    return list.some((each, index) => each !== value[index]) ? list : value;
  }
  let isSame = true;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => {
    const plain = plainNumbers(each);
    isSame &&= plain === each;
    return [key, plain];
  });
  return isSame ? value : Object.fromEntries(entries);
}

/** As `plainNumbers`, for an object. */
export const plainObject = (value: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainNumbers(each)]));
