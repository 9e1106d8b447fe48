import stringWidth from 'string-width';
import { count } from '../lib/numbers.ts';
import { fit, printable, type Terminal } from './terminal.ts';

/** Dollars for reading: two decimals from a dollar up, more below it, so that a small amount doesn't show as zero. */
export function dollars(usd: number): string {
  if (usd === 0) return '$0';
  if (usd >= 1) return `$${usd.toFixed(2)}`;
  const digits = Math.max(2, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(Math.min(6, digits))}`;
}

/** A share from 0 to 1, as `98.7 %`. */
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Bytes on a disk, in the largest unit that leaves at least one: `12 kB`, `3.4 MB`. */
export function diskSize(bytes: number): string {
  if (bytes < 1e6) return `${count(Math.ceil(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

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

type Column = {
  title: string;
  /** Numbers stand to the right. */
  right?: boolean;
  /** Gives way first where the terminal is narrow. */
  flexible?: boolean;
  /** Dropped when it would leave hardly any room for the flexible columns. */
  dispensable?: boolean;
};

const GAP = 2;
/** Room for a flexible column that says enough, and for one that says something. */
const READABLE_COLUMN = 16;
const NARROWEST_COLUMN = 6;

/**
 * Aligned columns under their titles. What does not fit the terminal is cut in the flexible columns, and in no pipe; where
 * even that is too wide, each row stands in lines of its own.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  terminal: Terminal,
): string {
  const all = columns.map((column, index) => ({
    ...column,
    cells: rows.map((row) => printable(row[index] ?? '').replaceAll(/[\n\t]/g, ' ')),
  }));
  const needed = all.filter(({ dispensable }) => !dispensable);
  const fitted =
    fitColumns(all, READABLE_COLUMN, terminal.columns) ??
    fitColumns(needed, NARROWEST_COLUMN, terminal.columns);
  if (fitted === null) return blocks(all, rows.length, terminal);
  const line = (cellOf: (column: FilledColumn) => string) =>
    fitted
      .map((column, index) => {
        const text = fit(cellOf(column), column.width);
        const padding = ' '.repeat(Math.max(0, column.width - stringWidth(text)));
        if (column.right) return padding + text;
        return index === fitted.length - 1 ? text : text + padding;
      })
      .join(' '.repeat(GAP));
  const head = terminal.style(
    'dim',
    line(({ title }) => title),
  );
  return [head, ...rows.map((_, index) => line(({ cells }) => cells[index] ?? ''))].join('\n');
}

type FilledColumn = Column & { cells: readonly string[] };

/** The columns with their widths, the flexible ones at least `narrowest`; null where they are too wide together. */
function fitColumns(
  columns: readonly FilledColumn[],
  narrowest: number,
  room: number,
): (FilledColumn & { width: number })[] | null {
  const widths = columns.map(({ title, cells }) =>
    Math.max(...[title, ...cells].map((text) => stringWidth(text))),
  );
  let excess = widths.reduce((sum, width) => sum + width + GAP, -GAP) - room;
  const fitted = columns.map((column, index) => {
    const width = widths[index] ?? 0;
    if (!column.flexible || excess <= 0) return { ...column, width };
    const less = Math.max(Math.min(width, narrowest), width - excess);
    excess -= width - less;
    return { ...column, width: less };
  });
  return excess > 0 ? null : fitted;
}

/** Each row as a title with its fields below it; empty fields are left out. */
function blocks(columns: readonly FilledColumn[], rows: number, terminal: Terminal): string {
  const width = Math.max(...columns.map(({ title }) => stringWidth(title)));
  return Array.from({ length: rows }, (_, row) =>
    columns
      .filter(({ cells }) => cells[row])
      .map(({ title, cells }) => {
        const head = title + ' '.repeat(width + GAP - stringWidth(title));
        return `${terminal.style('dim', head)}${cells[row]}`;
      })
      .join('\n'),
  ).join('\n\n');
}
