/** How the demo's text looks on a terminal: plain, aligned, in colours only where a person sees them. */

import { styleText } from 'node:util';

const coloured = Boolean(process.stdout.isTTY) && !process.env.NO_COLOR;
const paint = (style) => (text) => (coloured ? styleText(style, text) : text);

export const bold = paint('bold');
export const dim = paint('dim');
export const good = paint('green');
export const bad = paint('red');

/** Wide enough to read, narrow enough for a log. */
const width = Math.min(Math.max(process.stdout.columns ?? 100, 80), 120);

export function print(line = '') {
  process.stdout.write(`${line}\n`);
}

export function heading(title, tool) {
  print();
  print(`${bold(title)}${tool ? dim(`  (${tool})`) : ''}`);
}

/**
 * One line of at most `length` characters. An answer is text from elsewhere: what would move the cursor or
 * change colours is taken out.
 */
export function shorten(text, length) {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

/** Prints a paragraph, indented, over as many lines as it needs. */
export function paragraph(text, style = (line) => line) {
  for (const line of text.match(new RegExp(`\\S.{0,${width - 3}}(?=\\s|$)`, 'g')) ?? [])
    print(`  ${style(line)}`);
}

/**
 * Prints rows in columns. Columns are as wide as their longest cell; a last one that would not fit is cut.
 * `style` colours a row's cell after it was padded: colour codes would count as characters.
 */
export function table(rows, { right = [], style = (cell) => cell } = {}) {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of rows) {
    let left = width - 2;
    const cells = row.map((cell, column) => {
      const last = column === row.length - 1;
      const shown = last ? shorten(cell, Math.max(10, left)) : cell;
      const pad = right.includes(column) ? 'padStart' : 'padEnd';
      const padded = last && pad === 'padEnd' ? shown : shown[pad](widths[column]);
      left -= padded.length + 2;
      return style(padded, row, column);
    });
    print(`  ${cells.join('  ').trimEnd()}`);
  }
}

/** US dollars with as many digits as small sums need. */
export function dollars(amount) {
  return `$${amount.toFixed(amount < 1 ? 5 : 2)}`;
}
