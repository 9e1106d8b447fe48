import { cellText, numberIn } from '../../lib/cell-text.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { ownValue } from '../../lib/names.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import type { Task, TaskDefaults } from '../task.ts';
import { type Expectations, unreachable } from './expected-values.ts';
import { MAX_COLUMN } from './kept-task.ts';

/** The columns that limit the length of texts in an answer. */
export function maxColumnsIn(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(maxColumnsIn);
  if (!isJsonObject(schema)) return [];
  return Object.entries(schema).flatMap(([name, value]) =>
    name === MAX_COLUMN && typeof value === 'string' ? [value] : maxColumnsIn(value),
  );
}

const known = new WeakMap<JsonObject, string[]>();

function columnsOf(schema: JsonObject): string[] {
  const found = known.get(schema) ?? [...new Set(maxColumnsIn(schema))];
  known.set(schema, found);
  return found;
}

/**
 * Warns where a column's value is not a limit, and where a listed task has no such field. An empty cell may mean that
 * there is no limit; a table without the column is refused.
 */
function unlimited(task: Task, { input_data }: TaskDefaults, schema: JsonObject | undefined): string[] {
  if (schema === undefined || task.kind === 'native') return [];
  const columns = columnsOf(schema);
  if (columns.length === 0) return [];
  const isRow = task.kind === 'row';
  const values = isRow ? task.row.cells : { ...input_data, ...task.input_data };
  if (isRow && task.row.awaited !== undefined) return [];
  return columns.flatMap((name) => {
    const value = ownValue(values, name);
    const column = `${MAX_COLUMN}: ${quoteName(name)}`;
    if (!isRow && value === undefined)
      return [`${column} is not a key of input_data${didYouMean(name, Object.keys(values))}: ${ANY}`];
    return cellText(value).trim() === '' || numberIn(value) !== null
      ? []
      : [`${column} holds no number: ${ANY}`];
  });
}

const ANY = 'answers may have any length there';

/** Warns of requirements on an answer that can't be checked, or can't be met. */
export function checksInVain(
  task: Task,
  defaults: TaskDefaults,
  { expect, schema }: { expect?: Expectations | undefined; schema: JsonObject | undefined },
): string[] {
  return [...unreachable(expect, task, schema), ...unlimited(task, defaults, schema)];
}
