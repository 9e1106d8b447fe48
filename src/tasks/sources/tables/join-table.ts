import path from 'node:path';
import { stringifyExact } from '../../../lib/exact-json.ts';
import type { AllowedFolders } from '../../../lib/files/allowed-folders.ts';
import { plainName } from '../../../lib/names.ts';
import { quoteName } from '../../../lib/nearest.ts';
import { counted } from '../../../lib/numbers.ts';
import { toSourceRow } from '../source-row.ts';
import { unreadable } from '../text-file.ts';
import { rowsOf, withTable } from './open-table.ts';
import type { Cells, Table } from './table.ts';

/** A second table, held in memory: this many characters of it at most. */
const LARGEST_CHARACTERS = 64_000_000;

/** A second table, by its ids. */
export type Join = {
  /** As its header or rows have them, without the id's. */
  columns: readonly string[];
  /** A row with the columns of the second table's row of the same id; empty ones where it has none. */
  join(cells: Cells, id: string): Cells;
  /** Throws `invalid_input` where rows were joined and none found a match: every task would lack what was to be joined. */
  requireAny(): void;
  /** What found no match, once all rows were joined. */
  warnings(): string[];
};

/**
 * Reads a second table. A column that the first table (`taken`) has too is named after the file: `de.text`. Throws
 * `invalid_input` for rows that can't be told apart, or are too many to be held.
 */
export async function readJoin(
  file: string,
  id_column: string,
  folders: AllowedFolders,
  taken: ReadonlySet<string>,
): Promise<Join> {
  const rows = new Map<string, { number: number; cells: Cells; met: boolean }>();
  /** Ids whose letters are in parts, by how others write them. */
  const composed = new Map<string, string>();
  const columns = new Set<string>();
  const odd: string[] = [];
  let characters = 0;
  const begin = (table: Table) => {
    odd.push(...table.warnings);
    return rowsOf(table);
  };
  for await (const group of withTable(file, 'join_file', folders, begin)) {
    for (const row of group) {
      const item = toSourceRow(row, id_column);
      if ('problem' in item) throw unreadable('join_file', named(item.place, item.problem));
      const earlier = rows.get(item.task_id);
      if (earlier) {
        const problem = `has ${JSON.stringify(item.task_id)} in rows ${earlier.number} and ${item.number}`;
        throw unreadable('join_file', { problem, valid: `an id of its own in every row (${id_column})` });
      }
      characters += stringifyExact(item.cells).length;
      if (characters > LARGEST_CHARACTERS) throw tooLarge();
      rows.set(item.task_id, { number: item.number, cells: item.cells, met: false });
      const plain = item.task_id.normalize();
      if (plain !== item.task_id) composed.set(plain, item.task_id);
      for (const column of Object.keys(item.cells)) columns.add(column);
    }
  }
  columns.delete(id_column);
  // As macOS names files, its letters are in parts.
  const stem = plainName(path.parse(file).name);
  const used = new Set(taken);
  const names = new Map<string, string>();
  for (const column of columns) {
    let name = column;
    while (used.has(name)) name = `${stem}.${name}`;
    used.add(name);
    names.set(column, name);
  }
  let unmet = 0;
  let met = 0;
  let firstUnmet = '';

  return {
    columns: [...names.values()],
    join(cells, id) {
      const plain = id.normalize();
      const found = rows.get(id) ?? rows.get(plain) ?? rows.get(composed.get(plain) ?? '');
      if (found === undefined) {
        if (unmet === 0) firstUnmet = id;
        unmet += 1;
      } else {
        found.met = true;
        met += 1;
      }
      const joined = [...names].map(([column, given]) => {
        let name = given;
        // Rows of JSON can have a column that none before them had.
        while (Object.hasOwn(cells, name)) name = `${stem}.${name}`;
        return [name, found?.cells[column] ?? null];
      });
      return { ...cells, ...Object.fromEntries(joined) };
    },
    requireAny() {
      if (met > 0 || unmet === 0) return;
      const [first = ''] = rows.keys();
      throw unreadable('join_file', {
        problem: `has no row with the id of any row of rows_file: the first ids are ${quoteName(first)} and ${quoteName(firstUnmet)}`,
        valid: `the same ids in both tables, written alike (${quoteName(id_column)})`,
      });
    },
    warnings() {
      const left = [...rows.values()].filter(({ met }) => !met).length;
      return [
        ...odd,
        ...(unmet > 0
          ? [`${counted(unmet, 'row')} of rows_file found no row of the same id in join_file.`]
          : []),
        ...(left > 0 ? [`${counted(left, 'row')} of join_file had no row of the same id in rows_file.`] : []),
      ];
    },
  };
}

const named = (place: string, { problem, valid = '' }: { problem: string; valid?: string }) => ({
  problem: `${place}: ${problem}`,
  valid,
});

const tooLarge = () =>
  unreadable('join_file', {
    problem: 'is too large to be joined',
    valid: 'at most 64 MB; join the tables beforehand',
  });
