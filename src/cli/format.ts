import stringWidth from 'string-width';
import { fit, printable, type Terminal } from './terminal.ts';

/** Dollars to read: two digits from a dollar on, more below, so that a small amount is not shown as nothing. */
export function dollars(usd: number): string {
  if (usd === 0) return '$0';
  if (usd >= 1) return `$${usd.toFixed(2)}`;
  const digits = Math.max(2, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(Math.min(6, digits))}`;
}

/** A share from 0 to 1, as `98.7 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** A span of time in the two largest units that it has, as `1 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = units.findIndex(([number]) => number > 0);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(' ');
}

export type Column = {
  title: string;
  /** Numbers stand to the right. */
  right?: boolean;
  /** Gives way first where the terminal is narrow. */
  flexible?: boolean;
};

const GAP = 2;
const NARROWEST_COLUMN = 6;

/** Aligned columns under their titles. What does not fit the terminal is cut in the flexible columns, and in no pipe. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  terminal: Terminal,
): string {
  const cells = rows.map((row) =>
    columns.map((_, index) => printable(row[index] ?? '').replaceAll('\n', ' ')),
  );
  const widths = columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...cells.map((row) => stringWidth(row[index] ?? ''))),
  );
  const total = widths.reduce((sum, width) => sum + width + GAP, -GAP);
  let excess = total - terminal.columns;
  for (const [index, { flexible }] of columns.entries()) {
    const width = widths[index] ?? 0;
    if (!flexible || excess <= 0) continue;
    widths[index] = Math.max(NARROWEST_COLUMN, width - excess);
    excess -= width - (widths[index] ?? 0);
  }
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        const text = fit(cell, width);
        const padding = ' '.repeat(Math.max(0, width - stringWidth(text)));
        if (columns[index]?.right) return padding + text;
        return index === columns.length - 1 ? text : text + padding;
      })
      .join(' '.repeat(GAP));
  const head = terminal.style('dim', line(columns.map(({ title }) => title)));
  return [head, ...cells.map(line)].join('\n');
}
