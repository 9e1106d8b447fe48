import path from 'node:path';
import type { AllowedFolders } from '../../../lib/files/allowed-folders.ts';
import { isDecodingError, notDecoded, openText, type TextFile, unreadable } from '../text-file.ts';
import { openDelimited } from './delimited-table.ts';
import { foreignTable } from './foreign-endings.ts';
import { openJson } from './json-table.ts';
import { openLines } from './line-table.ts';
import { readRows } from './read-rows.ts';
import type { Table, TableRow } from './table.ts';

type OpenTable = (file: TextFile, field: string) => Promise<Table>;

/** How a table is read, by its file's ending. */
const readers: Record<string, OpenTable> = {
  '.csv': (file, field) => openDelimited(file, field, null),
  '.tsv': (file, field) => openDelimited(file, field, '\t'),
  '.json': openJson,
  '.jsonl': (file, field) => openLines(file, field, 'json_lines'),
  '.ndjson': (file, field) => openLines(file, field, 'json_lines'),
  '.txt': (file, field) => openLines(file, field, 'text_lines'),
};

const ENDINGS =
  '.csv, .tsv, .json (an array of objects, or texts by their keys), .jsonl (an object per line) or .txt (a row per line)';

function readerOf(file: string, field: string): OpenTable {
  const ending = path.extname(file).toLowerCase();
  const reader = readers[ending];
  if (reader !== undefined) return reader;
  if (/[\r\n]/.test(file.trim())) {
    const problem = 'holds the text of a table, not the path of its file';
    throw unreadable(field, { problem, valid: 'the path; write the text to a file first' });
  }
  throw unreadable(
    field,
    foreignTable(file) ?? { problem: 'has an ending that no table has', valid: ENDINGS },
  );
}

/**
 * Opens a table, as the argument `field` names it, for `use`, and closes it whatever happens. Throws `invalid_input`
 * where it can't be read as one, and what `openForReading` throws.
 */
export async function* withTable<T>(
  file: string,
  field: string,
  folders: AllowedFolders,
  use: (table: Table, bytes: number) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const open = readerOf(file, field);
  const { handle, size } = await folders.openForReading(file);
  try {
    const text = await openText(handle, field);
    try {
      yield* use(await open(text, field), size);
    } catch (error) {
      throw isDecodingError(error) ? notDecoded(field, text) : error;
    }
  } finally {
    await handle.close();
  }
}

/** The rows of a table in groups, read here. */
export async function* rowsOf(table: Table): AsyncGenerator<TableRow[]> {
  if (table.kind === 'rows') {
    yield* table.rows;
    return;
  }
  for await (const block of table.blocks) yield readRows(table.format, block);
}
