import type { Problem } from '../../errors.ts';
import { ExactNumber } from '../../lib/exact-json.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import type { Attachment } from '../../provider/dialect.ts';
import type { Cells, TableRow } from './tables/table.ts';

/** What a row or a file gives to its task. */
export type SourceRow = {
  /** Counted from 1. */
  number: number;
  /** How the caller would look for it: `row 4`, or a path. */
  place: string;
  task_id: string;
  /** What places can name. */
  cells: Cells;
  /** Their names as they were written, where `cells` has them in another order. */
  columns?: readonly string[];
  /** What of that is kept with the task, for the files of its answers; all of it where this is left out. */
  kept?: Cells;
  /** What it is as a task's input; all its cells where this is left out. */
  input?: Cells;
  /** Names within its cells, where their container can name no others. */
  within?: readonly string[];
  /** The column that holds the ids, where one does. */
  id_column?: string | undefined;
  /** The true length of what stands in for an answer that has not come yet. */
  awaited?: Awaited;
  /** The text of a file. */
  text?: string;
  attachment?: Attachment;
};

/** A row or a file that can't become a task, and the columns that it has anyway. */
export type BadRow = { number: number; place: string; problem: Problem; columns?: readonly string[] };

export type SourceItem = SourceRow | BadRow;

/** Of a task id, in characters. */
export const LONGEST_ID = 256;

function idText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value instanceof ExactNumber ? value.source : null;
}

/** In memory of its own: ids are kept, and a slice of a text keeps all of it. */
const copied = (text: string) => Buffer.from(text, 'utf16le').toString('utf16le');

const AN_ID = `1 to ${LONGEST_ID} characters, different in every row`;

function idProblem(cells: Cells, column: string): Problem | null {
  const field = 'id_column';
  if (!Object.hasOwn(cells, column)) {
    const problem = `this row has no ${quoteName(column)}${didYouMean(column, Object.keys(cells))}`;
    return { field, problem, valid: AN_ID };
  }
  const value = cells[column];
  const id = idText(value);
  if (id === null && typeof value === 'object' && value !== null)
    return { field, problem: `${quoteName(column)} is a list or an object`, valid: AN_ID };
  if (id === null || id.trim() === '')
    return { field, problem: `${quoteName(column)} is empty`, valid: AN_ID };
  const long = `${quoteName(column)} has ${id.length} characters`;
  return id.length > LONGEST_ID ? { field, problem: long, valid: AN_ID } : null;
}

/** A row of a table as a task's; its id is that of its column, or made of its number. */
export function toSourceRow(row: TableRow, id_column: string | undefined): SourceItem {
  const place = `row ${row.number}`;
  if ('problem' in row) return { ...row, place };
  const { number, cells } = row;
  const written = row.columns && { columns: row.columns };
  if (id_column === undefined) return { number, place, task_id: `row_${number}`, cells, ...written };
  const problem = idProblem(cells, id_column);
  if (problem !== null) return { number, place, problem, columns: Object.keys(cells) };
  return { number, place, task_id: copied(idText(cells[id_column]) ?? ''), cells, id_column, ...written };
}

export type AwaitedAnswer = { expected_tokens: number; maximum_tokens: number };

/** What a task works on that is not there yet: earlier answers, or so many of the work's own. */
export type Awaited = ({ kind: 'earlier' } & AwaitedAnswer) | { kind: 'own'; answers: number };
