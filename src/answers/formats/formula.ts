/** Longer texts that begin with a sign are prose. */
const LONGEST_AMOUNT = 60;

const BLANK = '[ \\u00a0\\u202f]';
const NUMBER = `(?:[.,]?\\d[\\d.,'’\\u00a0\\u202f ]*(?:[eE][+-]?\\d+)?)`;
const SIGN = `(?:\\+/-|[+-])${BLANK}?`;
/** Words without digits, so that none is a cell; what is written above the line is no digit. */
const WORD = '(?:[\\p{L}\\p{M}%‰°′″µ\\p{Sc}²³⁻¹]{1,24}\\.?)';
const UNIT = `(?:${WORD}(?:[/·]${WORD}|${BLANK}${WORD}){0,2})`;
const AMOUNT = `${NUMBER}${BLANK}?${UNIT}?`;
const TIME = '\\d{1,4}(?::[0-5]\\d){1,2}(?:[.,]\\d+)?';
const FRACTION = `(?:\\d+${BLANK})?\\d+[/⁄]\\d+|\\d*${BLANK}?[½⅓⅔¼¾⅕⅛⅜⅝⅞]`;

/**
 * What begins like a formula, and has nothing in it that could be run or looked up: no name before a bracket, no cell, sheet or
 * channel, no sum of two. A spreadsheet at most reads a number, a date or a time, or says that it can't.
 */
const HARMLESS = [
  /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i,
  /^[+-]?\p{Sc}?\d[\d.,' \u00a0\u202f]*[%‰\p{Sc}]?$/u,
  /^\+\d[\d ().\-/\u00a0\u2011]{5,}$/,
  /^[+-]+$/,
];

const AMOUNTS = [
  // -5 EUR, +3 %, -12,5 kg, -9.81 m/s², -1 h 30 min
  `${SIGN}${AMOUNT}(?:${BLANK}${AMOUNT})?`,
  // -€ 5, -EUR 5.00: without the blank it would be a cell
  `${SIGN}(?:\\p{Sc}${BLANK}?|[A-Z]{3}${BLANK})${NUMBER}`,
  // -01:30, +02:00, -1:30:15.5 h
  `${SIGN}${TIME}(?:${BLANK}?${WORD})?`,
  // -1/2, -1 1/2 cups, -½
  `${SIGN}(?:${FRACTION})(?:${BLANK}?${UNIT})?`,
  // -1/2/2024, +2024-01-31, -0044-03-15 12:00
  `${SIGN}(?:\\d{1,2}/\\d{1,2}/\\d{2,4}|\\d{4,6}-[01]\\d-[0-3]\\d)(?:${BLANK}${TIME})?`,
  // -33.8688, -70.6693
  `${SIGN}\\d+(?:\\.\\d+)?[,;]${BLANK}?[+-]?\\d+(?:\\.\\d+)?`,
].map((form) => new RegExp(`^(?:${form})$`, 'u'));

/**
 * A spreadsheet runs a cell that begins like a formula, also after white space; an answer is data. A number, an amount, a date or a
 * time stays as it is, and so does a text below empty lines, which real tables hold.
 */
export function withoutFormula(cell: string): string {
  if (!/^[\t\r]|^\s*[=+\-@＝＋－＠]/.test(cell)) return cell;
  const plain = cell.trim();
  const isHarmless =
    HARMLESS.some((form) => form.test(plain)) ||
    (plain.length <= LONGEST_AMOUNT && AMOUNTS.some((form) => form.test(plain)));
  return isHarmless ? cell : `'${cell}`;
}
