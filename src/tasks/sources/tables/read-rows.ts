import { isUtf8 } from 'node:buffer';
import { parseExact } from '../../../lib/exact-json.ts';
import { isDeeper, MOST_LEVELS } from '../../../lib/json.ts';
import { plainName } from '../../../lib/names.ts';
import { counted } from '../../../lib/numbers.ts';
import { actualType } from '../../problems.ts';
import { whatALineIs } from '../file-shape.ts';
import { notUtf8 } from '../text-file.ts';
import { readRecords } from './record-blocks.ts';
import type { RowBlock, RowFormat, TableRow } from './table.ts';
import { isMovedKey, writtenKeys } from './written-keys.ts';

type DelimitedFormat = Extract<RowFormat, { kind: 'delimited' }>;

const UNCLOSED = {
  problem: 'begins a quoted field that is never closed, so nothing from there on can be read',
  valid: 'a closing quote; quotes within a quoted field are doubled ("")',
};
const OVERLONG = {
  problem: 'is longer than 32 MB, and what follows it was not read',
  valid: 'smaller rows',
};
const ZERO_BYTES = { problem: 'holds zero bytes', valid: 'text only' };
/** As where files were joined: at the beginning of a file it is removed. */
const MARKED = {
  problem: 'begins with a byte order mark (U+FEFF), as where files were joined',
  valid: 'the row without it; a mark is allowed only at the very beginning of a file',
};
const isMarked = (text: string | undefined) => text?.startsWith('\ufeff') === true;
/** As Markdown, psql and sqlcmd have it below the names: as a row it would be a task. */
export const DRAWN = {
  problem: 'is a line of dashes, as in a table that is drawn for people to read (Markdown, psql, sqlcmd)',
  valid: 'the table exported as CSV, without such lines',
};
const STRAY_QUOTE = {
  problem: 'has text after the closing quote of a field',
  valid: 'quotes round the whole field, those within it doubled ("")',
};

/** The rows of a block. Throws `invalid_input` where its bytes are not UTF-8. */
export function readRows(format: RowFormat, block: RowBlock): TableRow[] {
  if (block.broken)
    return [{ number: block.number, problem: block.broken === 'unclosed' ? UNCLOSED : OVERLONG }];
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.length);
  if (format.kind === 'delimited') return delimitedRows(format, block, bytes);
  if (!isUtf8(bytes)) throw notUtf8(format.field, lineOfFault(bytes, block.number));
  const read = format.kind === 'json_lines' ? jsonRow : textRow;
  return linesOf(bytes)
    .map((line, index) => read(line, block.number + index))
    .filter((row) => !isBlankRow(row));
}

/** A row without any value, which is not a task. */
export const isBlankRow = (row: TableRow): boolean =>
  'cells' in row && Object.values(row.cells).every(isBlank);

const isBlank = (value: unknown) => (typeof value === 'string' ? value.trim() === '' : value === null);

function delimitedRows(
  { field, delimiter, columns }: DelimitedFormat,
  block: RowBlock,
  bytes: Buffer,
): TableRow[] {
  if (!isUtf8(bytes)) throw notUtf8(field, recordOfFault(bytes, delimiter, block.number));
  const strays = new Set(block.strayQuotes);
  const rows: TableRow[] = [];
  for (const [index, record] of readRecords(bytes.toString('utf8'), delimiter).entries()) {
    const number = block.number + index;
    if (record.every((each) => each.trim() === '')) continue;
    if (isMarked(record[0])) rows.push({ number, problem: MARKED });
    else if (number === 1 && isDrawn(record)) rows.push({ number, problem: DRAWN });
    else if (strays.has(number)) rows.push({ number, problem: STRAY_QUOTE });
    else if (record.length !== columns.length) rows.push({ number, problem: ragged(record, columns) });
    else if (record.some((each) => each.includes('\0'))) rows.push({ number, problem: ZERO_BYTES });
    else rows.push({ number, cells: Object.fromEntries(columns.map((name, at) => [name, record[at]])) });
  }
  return rows;
}

/** Whether a record is nothing but a line drawn under or above others. */
export function isDrawn(record: readonly string[]): boolean {
  const line = record.join('|');
  return /^[\s|+:=-]+$/.test(line) && /--|==/.test(line);
}

function ragged(record: readonly string[], columns: readonly string[]) {
  const fields = counted(record.length, 'field');
  const names = counted(columns.length, 'column');
  const odd = record.some((each) => /^ +"/.test(each))
    ? 'no blank in front of a quote; '
    : record.some((each) => each.startsWith("'")) && record.some((each) => each.endsWith("'"))
      ? 'double quotes (") where single ones are; '
      : '';
  return {
    problem: `has ${fields}, but the header line has ${names}`,
    valid: `${odd}${columns.length === 1 ? 'the names of all columns in the first line, with no title above them; ' : ''}a field for every column; one that holds the separator or a line break goes in quotes`,
  };
}

function recordOfFault(bytes: Buffer, delimiter: string, first: number): string {
  const records = readRecords(bytes.toString('latin1'), delimiter);
  const index = records.findIndex((record) => record.some((each) => !isUtf8(Buffer.from(each, 'latin1'))));
  return `row ${first + Math.max(0, index)}`;
}

function lineOfFault(bytes: Buffer, first: number): string {
  const index = linesOf(bytes, 'latin1').findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
  return `row ${first + Math.max(0, index)}`;
}

const BLANK_LINE = /^[ \t\r]*$/;

/** The lines that are not blank. */
export function linesOf(bytes: Buffer, encoding: 'utf8' | 'latin1' = 'utf8'): string[] {
  return bytes
    .toString(encoding)
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
    .filter((line) => !BLANK_LINE.test(line));
}

const textRow = (line: string, number: number): TableRow =>
  isMarked(line)
    ? { number, problem: MARKED }
    : line.includes('\0')
      ? { number, problem: ZERO_BYTES }
      : { number, cells: { line } };

const TOO_DEEP = { problem: `is nested more than ${MOST_LEVELS} levels deep`, valid: 'a flatter row' };
const AN_OBJECT = 'one JSON object per line, its keys the columns';

function jsonRow(line: string, number: number): TableRow {
  try {
    const { value, repeatsKey } = parseExact(line);
    return jsonRowOf(value, number, repeatsKey, AN_OBJECT, () => writtenKeys(line));
  } catch (error) {
    if (error instanceof RangeError) return { number, problem: TOO_DEEP };
    if (!(error instanceof SyntaxError)) throw error;
    // The parser's own message is dropped, as it quotes what the file holds.
    return { number, problem: whatALineIs(line) ?? { problem: 'is not JSON', valid: AN_OBJECT } };
  }
}

/** A row of a table in JSON: an object, or just a text, which is the column `text`. */
export function jsonRowOf(
  value: unknown,
  number: number,
  repeatsKey: boolean,
  valid: string,
  written: () => readonly string[],
): TableRow {
  if (typeof value === 'string') return { number, cells: { text: value } };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { number, problem: { problem: `is ${actualType(value)}`, valid } };
  }
  if (isDeeper(value, MOST_LEVELS)) return { number, problem: TOO_DEEP };
  const names = Object.keys(value).map(plainName);
  if (repeatsKey || new Set(names).size < names.length) {
    return { number, problem: { problem: 'has a key twice', valid: 'every key once' } };
  }
  return {
    number,
    cells: Object.fromEntries(Object.values(value).map((each, index) => [names[index], each])),
    ...(names.some(isMovedKey) && { columns: written().map(plainName) }),
  };
}
