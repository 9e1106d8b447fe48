import { plainNumbers, stringifyExact } from './exact-json.ts';

/** A value as the text of a cell: a text or number as it stands, all else as JSON, null as nothing. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : stringifyExact(value);
}

/** The number that a cell holds; null where it is none. */
export function numberIn(cell: unknown): number | null {
  const value = plainNumbers(cell);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The same as it is compared: blanks around it, and how its accents are written, are no matter. */
export const comparedText = (value: unknown): string => cellText(value).trim().normalize();

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** What a number is worth, however it is written and however long it is: its digits, and where its point stands. Null for any other text. */
function worthOf(text: string): string | null {
  const [, sign = '', whole = '', fraction = '', power = '0'] = NUMBER.exec(text) ?? [];
  const digits = `${whole}${fraction}`;
  if (digits === '') return null;
  const from = digits.search(/[1-9]/);
  if (from === -1) return '0';
  return `${sign === '-' ? '-' : ''}${digits.slice(from).replace(/0+$/, '')}e${whole.length - from + Number(power)}`;
}

/** Texts as they are written, numbers by what they are worth, `true` in any case. */
export function isSame(right: unknown, given: unknown): boolean {
  const [a, b] = [comparedText(right), comparedText(given)];
  if (a === b) return true;
  if (typeof right === 'boolean' || typeof given === 'boolean') return a.toLowerCase() === b.toLowerCase();
  const worth = worthOf(a);
  return worth !== null && worth === worthOf(b);
}
