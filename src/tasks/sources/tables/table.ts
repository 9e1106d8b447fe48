import type { Problem } from '../../../errors.ts';

/** The values of a row by its columns: texts of a delimited table, anything of a JSON one. */
export type Cells = Record<string, unknown>;

/** A row as it was read; `number` counts from 1, the head line not counted. */
export type TableRow = { number: number; cells: Cells } | { number: number; problem: Problem };

/** Rows that are not read yet, as bytes that any thread can make rows of. */
export type RowBlock = {
  bytes: Uint8Array<ArrayBuffer>;
  /** Of its first row. */
  number: number;
  /** How many there are, blank ones too. */
  rows: number;
  /** Rows whose quotes are wrong, by their number. */
  strayQuotes?: number[];
  /** Set where the row with that number has no end: nothing behind it can be read. */
  broken?: 'unclosed' | 'overlong';
};

/** How the bytes of a block are to be read: plain data, so that threads can exchange it. */
export type RowFormat =
  | { kind: 'delimited'; field: string; delimiter: string; columns: readonly string[] }
  | { kind: 'json_lines'; field: string }
  | { kind: 'text_lines'; field: string };

/** A table that is being read, once and from its beginning. */
export type Table = {
  /** Known beforehand where there is a head line; null where each row names its own. */
  columns: readonly string[] | null;
  /** What is odd about the table as a whole, though it can be read. */
  warnings: readonly string[];
} & (
  | { kind: 'blocks'; format: RowFormat; blocks: AsyncIterable<RowBlock> }
  | { kind: 'rows'; rows: AsyncIterable<TableRow[]> }
);

/** A row of more bytes is refused: no request may be larger (the API takes 32 MB). */
export const LONGEST_ROW = 32_000_000;
