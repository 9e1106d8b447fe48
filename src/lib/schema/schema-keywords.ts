import type { Ajv, KeywordDefinition, SchemaValidateFunction } from 'ajv';
import { ExactNumber } from '../exact-json.ts';
import {
  digitsOf,
  EXACT_BOUNDS,
  EXACT_MULTIPLE,
  EXACT_VALUES,
  isMultiple,
  isWithin,
  valueAtPointer,
} from '../exact-values.ts';

/** What a value is held against beside its schema, by keywords of ours: without it these let everything through. */
export type Ground = {
  /** `x-in-input`: whether a text stands in what the value is about. */
  holds(text: string): boolean;
  /** `x-max-column`: how many characters a text may have by that column; null where it says none. */
  limit(column: string): number | null;
};

/** What is checked now: a check is done before the next one begins. */
export type Checked = {
  ground: Ground | undefined;
  /** The whole value, its numbers as they were written. */
  exact: () => unknown;
};

/** The place of a value in the whole of it. */
type Place = { instancePath: string };

/** Gives a validator our keywords, and has those of its own that go by JavaScript's numbers go by what was written. */
export function addKeywords(ajv: Pick<Ajv, 'addKeyword' | 'removeKeyword'>, checked: Checked): void {
  // The validator's own goes by JavaScript's numbers, and takes a minute for a list of ten thousand objects.
  ajv.removeKeyword('uniqueItems');
  ajv.removeKeyword('multipleOf');
  for (const keyword of keywordsOver(checked)) ajv.addKeyword(keyword);
}

/** Their order is that in which they are tried: the first that fails is told. */
function keywordsOver(checked: Checked): KeywordDefinition[] {
  const exactAt = (place: Place | undefined) => valueAtPointer(checked.exact(), place?.instancePath ?? '');
  const isStep: SchemaValidateFunction = (step: string, _value: unknown, _schema: unknown, place?: Place) => {
    isStep.errors = [{ message: `must be multiple of ${step}`, params: {} }];
    return isMultiple(digitsOf(exactAt(place)), digitsOf(new ExactNumber(step)));
  };
  return [
    {
      keyword: 'uniqueItems',
      type: 'array',
      schemaType: 'boolean',
      validate: (isAsked: boolean, value: unknown[], _schema: unknown, place?: Place) => {
        if (!isAsked || value.length < 2) return true;
        const items = exactAt(place);
        return !Array.isArray(items) || new Set(items.map(digitsOf)).size === items.length;
      },
      error: { message: 'has an item twice' },
    },
    { keyword: EXACT_MULTIPLE, type: 'number', schemaType: 'string', validate: isStep },
    {
      keyword: 'x-in-input',
      schemaType: 'boolean',
      validate: (isAsked: boolean, value: unknown) =>
        !isAsked || everyText(value, (text) => checked.ground?.holds(text) ?? true),
      error: { message: 'is not in the input of its task' },
    },
    {
      keyword: EXACT_VALUES,
      schemaType: 'array',
      validate: (lists: string[][], _value: unknown, _schema: unknown, place?: Place) => {
        const digits = digitsOf(exactAt(place));
        return lists.every((values) => values.includes(digits));
      },
      error: { message: 'must be equal to a value of its const or enum, digit for digit' },
    },
    {
      keyword: EXACT_BOUNDS,
      schemaType: 'object',
      validate: (bounds: Record<string, string>, _value: unknown, _schema: unknown, place?: Place) =>
        isWithin(bounds, exactAt(place)),
      error: { message: 'must be within its minimum and maximum, digit for digit' },
    },
    {
      keyword: 'x-max-column',
      schemaType: 'string',
      validate: (column: string, value: unknown) => {
        const most = checked.ground?.limit(column) ?? Number.POSITIVE_INFINITY;
        return everyText(value, (text) => Array.from(text).length <= most);
      },
      error: { message: 'is longer than its row allows' },
    },
  ];
}

/** Whether all texts pass that a value is, or holds. */
function everyText(value: unknown, passes: (text: string) => boolean): boolean {
  if (typeof value === 'string') return passes(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((each) => everyText(each, passes));
}
