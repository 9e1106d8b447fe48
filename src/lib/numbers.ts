/** A number for people to read, as `1,240`. */
export const count = (number: number): string => number.toLocaleString('en-US');

/** A number of things, as `1 request` or `1,240 requests`. */
export const counted = (number: number, one: string, many = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : many}`;

const DECIMAL = /^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Whether a text is a plain decimal number: `Number` also accepts `0x10`, blanks and `Infinity`. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text) && Number.isFinite(Number(text));
}

/** A share from 0 to 1 in four digits. */
export const roundShare = (share: number): number => Math.round(share * 10_000) / 10_000;
