import type { Problem } from '../../../errors.ts';
import { plainName } from '../../../lib/names.ts';
import { quoteName } from '../../../lib/nearest.ts';
import { counted } from '../../../lib/numbers.ts';
import { unreadable } from '../text-file.ts';

/** The values of a row by its columns: texts of a delimited table, anything of a JSON one. */
export type Cells = Record<string, unknown>;

/**
 * A row as it was read; `number` counts from 1, the header line not counted. `columns` are its keys as they were written,
 * where its cells have them in another order.
 */
export type TableRow =
  | { number: number; cells: Cells; columns?: readonly string[] }
  | { number: number; problem: Problem };

/** Rows that are not read yet, as bytes that any thread can make rows of. */
export type RowBlock = {
  bytes: Uint8Array<ArrayBuffer>;
  /** Of its first row. */
  number: number;
  /** How many there are, blank ones too. */
  rows: number;
  /** Rows whose quotes are wrong, by their number. */
  strayQuotes?: number[];
  /** Set where the row with that number has no end: nothing after it can be read. */
  broken?: 'unclosed' | 'overlong';
};

/** How the bytes of a block are to be read: plain data, so that threads can exchange it. */
export type RowFormat =
  | { kind: 'delimited'; field: string; delimiter: string; columns: readonly string[] }
  | { kind: 'json_lines'; field: string }
  | { kind: 'text_lines'; field: string };

/** How a delimited table is written, as far as a file of its answers is written alike: what spreadsheets read it by. */
export type TableForm = {
  separator: ',' | ';';
  /** Whether it began with a mark of its encoding. */
  marked: boolean;
  /** Set where its lines end with a carriage return and a newline, as Windows has them. */
  crlf?: true;
};

/** A table that is being read, once and from its beginning. */
export type Table = {
  /** Known beforehand where there is a header line; null where each row names its own. */
  columns: readonly string[] | null;
  /** What is odd about the table as a whole, though it can be read. */
  warnings: readonly string[];
  form?: TableForm;
} & (
  | { kind: 'blocks'; format: RowFormat; blocks: AsyncIterable<RowBlock> }
  | { kind: 'rows'; rows: AsyncIterable<TableRow[]> }
);

/** A row of more bytes is refused: no request may be larger (the API takes 32 MB). */
export const LONGEST_ROW = 32_000_000;

const MOST_COLUMNS = 1000;

/**
 * The names in a header line. One that is empty gets a name by its place, as pandas writes an index, and a warning.
 * Throws `invalid_input` where a name occurs twice, as a place could mean either.
 */
export function columnsOf(head: readonly string[], field: string): { columns: string[]; warnings: string[] } {
  const names = head.map(plainName);
  const columns = names.map((given, index) => {
    if (given !== '') return given;
    let name = `column_${index + 1}`;
    while (names.includes(name)) name += '_';
    return name;
  });
  const unnamed = columns.filter((_, index) => names[index] === '');
  if (columns.length > MOST_COLUMNS) {
    const valid = `at most ${MOST_COLUMNS}`;
    throw unreadable(field, { problem: `has ${columns.length} columns in its header line`, valid });
  }
  const problems = twice(columns);
  if (problems.length > 0) {
    const valid = 'a header line in which every column has a name of its own';
    throw unreadable(field, { problem: problems.join('; '), valid });
  }
  return { columns, warnings: [...unnamedWarning(unnamed, columns, field), ...noHeadWarning(names, field)] };
}

const MOST_LISTED = 5;

function unnamedWarning(unnamed: readonly string[], { length }: readonly string[], field: string): string[] {
  if (unnamed.length === 0) return [];
  const listed = unnamed.length > MOST_LISTED ? [...unnamed.slice(0, 2), '…', ...unnamed.slice(-1)] : unnamed;
  const isOne = unnamed.length === 1;
  const called = `${isOne ? 'it is' : 'they are'} called ${listed.join(', ')}`;
  const isTitle = !isOne && unnamed.length === length - 1;
  const hint = isTitle
    ? ' If the first line is a title, remove it: the header line has to be the first.'
    : '';
  return [
    `${counted(unnamed.length, 'column')} of ${field} ${isOne ? 'has' : 'have'} no name: ${called}.${hint}`,
  ];
}

/** What no column is called: numbers other than years, days, addresses. */
const VALUE =
  /^(-?\d+([.,]\d+)?%?|\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}|[^\s@]+@[^\s@]+\.\w+|https?:\/\/\S+)$/i;
const YEAR = /^(1[89]|20)\d\d$/;

/** A table without a header line loses its first row, and nobody would see it. */
function noHeadWarning(names: readonly string[], field: string): string[] {
  const value = names.find((name) => VALUE.test(name) && !YEAR.test(name));
  if (value === undefined) return [];
  return [
    `The first line of ${field} was taken as its header line, and one of its names is ${quoteName(value)}. If it is a row, put a line with the columns' names above it.`,
  ];
}

function twice(columns: readonly string[]): Problem['problem'][] {
  const first = new Map<string, number>();
  return columns.flatMap((name, index) => {
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, index);
      return [];
    }
    return [`has the column ${quoteName(name)} twice (columns ${earlier + 1} and ${index + 1})`];
  });
}
