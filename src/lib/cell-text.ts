import { plainNumbers, stringifyExact } from './exact-json.ts';

/** A value as the text of a cell: texts and numbers unchanged, anything else as JSON, null as an empty cell. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : stringifyExact(value);
}

/** The number in a cell; null where it holds none. */
export function numberIn(cell: unknown): number | null {
  const value = plainNumbers(cell);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The same for comparisons: without surrounding blanks, and with accents normalized. */
export const comparedText = (value: unknown): string => cellText(value).trim().normalize();

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/**
 * The value of a number in any spelling and of any length: its digits, and the place of its point. Null for any other
 * text.
 */
function worthOf(text: string): string | null {
  const [, sign = '', whole = '', fraction = '', power = '0'] = NUMBER.exec(text) ?? [];
  const digits = `${whole}${fraction}`;
  if (digits === '') return null;
  const from = digits.search(/[1-9]/);
  if (from === -1) return '0';
  return `${sign === '-' ? '-' : ''}${digits.slice(from).replace(/0+$/, '')}e${whole.length - from + Number(power)}`;
}

/** Compares texts literally, numbers by value, and `true` in any case. */
export function isSame(right: unknown, given: unknown): boolean {
  const [a, b] = [comparedText(right), comparedText(given)];
  if (a === b) return true;
  if (typeof right === 'boolean' || typeof given === 'boolean') return a.toLowerCase() === b.toLowerCase();
  const worth = worthOf(a);
  return worth !== null && worth === worthOf(b);
}
