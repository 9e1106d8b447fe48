import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { notUtf8, type TextFile, unreadable, utf8Pieces } from '../text-file.ts';
import { findDelimiter, readOptions } from './find-delimiter.ts';
import { DRAWN, isDrawn } from './read-rows.ts';
import { type RecordBlock, splitRecords } from './record-blocks.ts';
import { columnsOf, LONGEST_ROW, type RowBlock, type Table } from './table.ts';

const NEWLINE = 10;
const RETURN = 13;

/**
 * Opens a table with a header line; what separates its fields is found out where it is not given. Throws `invalid_input`
 * where its head can't be read, or nothing follows it.
 */
export async function openDelimited(file: TextFile, field: string, given: '\t' | null): Promise<Table> {
  const { delimiter, skip, warnings: odd } = await findDelimiter(file, given, field);
  const blocks = splitRecords(utf8Pieces(file, skip), { delimiter, longest: LONGEST_ROW });
  const head = await blocks.next();
  if (head.done) throw unreadable(field, { problem: 'is empty', valid: 'a header line and rows' });
  const { columns, warnings } = columnsOf(readHead(head.value, delimiter, field), field);
  return {
    kind: 'blocks',
    columns,
    warnings: [...odd, ...warnings],
    form: {
      separator: delimiter === ';' ? ';' : ',',
      marked: file.encoding.markBytes > 0,
      ...(endsWithReturn(head.value.bytes) && { crlf: true }),
    },
    format: { kind: 'delimited', field, delimiter, columns },
    blocks: rowsBehindHead(blocks, columns, field),
  };
}

const endsWithReturn = (line: Uint8Array): boolean => line.at(-1) === NEWLINE && line.at(-2) === RETURN;

function readHead({ bytes, broken, strayQuotes }: RecordBlock, delimiter: string, field: string): string[] {
  if (broken || strayQuotes.length > 0) {
    throw unreadable(field, {
      problem: 'has a header line in which a quote is never closed, or closed too early',
      valid: 'quotes round whole names only, those within a name doubled ("")',
    });
  }
  if (!isUtf8(bytes)) throw notUtf8(field, 'its header line');
  const [names]: string[][] = parse(Buffer.from(bytes.buffer), readOptions(delimiter));
  if (names !== undefined && isDrawn(names)) {
    throw unreadable(field, { ...DRAWN, problem: `begins with what ${DRAWN.problem}` });
  }
  return names ?? [];
}

async function* rowsBehindHead(
  blocks: AsyncIterable<RecordBlock>,
  columns: readonly string[],
  field: string,
): AsyncGenerator<RowBlock> {
  let any = false;
  // The header line is record 0, so a record's number is that of its row.
  for await (const { first, records, ...block } of blocks) {
    any = true;
    yield { ...block, number: first, rows: records };
  }
  if (any) return;
  const problem = `has a header line (${columns.slice(0, 20).join(', ')}) and no rows`;
  throw unreadable(field, { problem, valid: 'at least one row under the header line' });
}
