import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import type { RowsSource } from '../work.ts';
import { everything, type ItemSource, type SourceFacts, type Spread } from './item-source.ts';
import { type SourceItem, toSourceRow } from './source-row.ts';
import { type Join, readJoin } from './tables/join-table.ts';
import { withTable } from './tables/open-table.ts';
import { readRows } from './tables/read-rows.ts';
import type { RowBlock, RowFormat, Table, TableRow } from './tables/table.ts';
import { unreadable } from './text-file.ts';

const FIELD = 'rows_file';

/** The rows of a table as tasks. */
export function rowsSource(source: RowsSource, folders: AllowedFolders): ItemSource {
  return {
    async count() {
      let count = 0;
      for await (const rows of withTable(source.path, FIELD, folders, counted)) count += rows;
      return count;
    },
    items: (spread, begin) =>
      withTable(source.path, FIELD, folders, (table) => rowItems(table, source, folders, spread, begin)),
  };
}

async function* counted(table: Table): AsyncGenerator<number> {
  if (table.kind === 'rows') for await (const rows of table.rows) yield rows.length;
  else for await (const block of table.blocks) yield block.rows;
}

/** The rows of a table that are wanted, in groups; `begin` is told of the table before the first of them. */
export async function* rowItems(
  table: Table,
  { id_column, join_file }: RowsSource,
  folders: AllowedFolders,
  spread: Spread,
  begin: (facts: SourceFacts) => void,
): AsyncGenerator<SourceItem[]> {
  requireColumn(table, id_column);
  let join: Join | null = null;
  let begun = false;
  for await (const rows of wantedRows(table, spread)) {
    if (!begun) {
      begun = true;
      if (join_file !== undefined)
        join = await readJoin(join_file, requireId(id_column), folders, columnsOf(table, rows));
      begin(factsOf(table, join));
    }
    const joined = join;
    const items = rows.map((row) => toSourceRow(row, id_column));
    yield joined === null
      ? items
      : items.map((item) =>
          'problem' in item ? item : { ...item, cells: joined.join(item.cells, item.task_id) },
        );
  }
  // A pilot may hold none of the rows that meet.
  if (spread === everything) join?.requireAny();
}

/** Rows that are not read yet, with what turns them into tasks: plain data, so that threads can exchange it. */
export type RowBytes = { block: RowBlock; format: RowFormat; id_column: string | undefined };

/** The rows of a table as bytes, for threads to read. As `rowItems` otherwise, but that nothing is joined to them. */
export async function* rowBytes(
  table: Extract<Table, { kind: 'blocks' }>,
  { id_column }: RowsSource,
  begin: (facts: SourceFacts) => void,
): AsyncGenerator<{ kind: 'rows'; rows: RowBytes }> {
  const { format, blocks } = table;
  requireColumn(table, id_column);
  let begun = false;
  for await (const block of blocks) {
    if (!begun) begin(factsOf(table, null));
    begun = true;
    yield { kind: 'rows', rows: { block, format, id_column } };
  }
}

/** What such rows are. Throws `invalid_input` where they are not UTF-8. */
export const itemsIn = ({ block, format, id_column }: RowBytes): SourceItem[] =>
  readRows(format, block).map((row) => toSourceRow(row, id_column));

/** Blocks without a wanted row are not read. */
async function* wantedRows(table: Table, spread: Spread): AsyncGenerator<TableRow[]> {
  if (table.kind === 'rows') {
    for await (const rows of table.rows) {
      yield wantedOf(rows, spread);
      if (spread.isDone) return;
    }
    return;
  }
  for await (const block of table.blocks) {
    if (!spread.wantsBefore(block.number - 1 + block.rows)) continue;
    yield wantedOf(readRows(table.format, block), spread);
    if (spread.isDone) return;
  }
}

/** Blank rows don't count, so a row's index is that of its number. */
const wantedOf = (rows: readonly TableRow[], spread: Spread) =>
  rows.filter(({ number }) => {
    const takes = spread.wants(number - 1);
    if (takes) spread.take();
    return takes;
  });

function requireColumn({ columns }: Table, id_column: string | undefined): void {
  if (id_column === undefined || columns === null || columns.includes(id_column)) return;
  throw unreadable('id_column', {
    problem: `${quoteName(id_column)} is not a column of rows_file${didYouMean(id_column, columns)}`,
    valid: columns.slice(0, 50).join(', '),
  });
}

function requireId(id_column: string | undefined): string {
  if (id_column !== undefined) return id_column;
  const problem = 'is missing: the rows of join_file are found by it';
  throw unreadable('id_column', { problem, valid: 'the column that holds the ids, in both tables' });
}

function columnsOf(table: Table, rows: readonly TableRow[]): Set<string> {
  return new Set(table.columns ?? rows.flatMap((row) => ('cells' in row ? Object.keys(row.cells) : [])));
}

function factsOf({ columns, warnings, form }: Table, join: Join | null): SourceFacts {
  return {
    ...(form && { form }),
    columns: columns && [...columns, ...(join?.columns ?? [])],
    warnings: () => [...warnings, ...(join?.warnings() ?? [])],
    skipped: () => '',
  };
}
