import { gatherBytes } from '../../../lib/gathered-bytes.ts';
import { whatInsteadOfLines } from '../file-shape.ts';
import { SAMPLE_BYTES, type TextFile, unreadable, utf8Pieces } from '../text-file.ts';
import { tableInLines } from './find-delimiter.ts';
import { linesOf } from './read-rows.ts';
import { LONGEST_ROW, type RowBlock, type Table } from './table.ts';

const NEWLINE = 10;
const BLOCK_BYTES = 1024 * 1024;

/** Opens a table with a row on every line that is not blank: JSON, or plain text as its one column `line`. */
export async function openLines(
  file: TextFile,
  field: string,
  kind: 'json_lines' | 'text_lines',
): Promise<Table> {
  if (kind === 'json_lines') await refuseDocument(file, field);
  return {
    kind: 'blocks',
    columns: kind === 'text_lines' ? ['line'] : null,
    warnings: kind === 'text_lines' ? await tableInLines(file, field) : [],
    format: { kind, field },
    blocks: lineBlocks(file),
  };
}

/** A file that is something else would give a problem for each of its lines, and none would say what it is. */
async function refuseDocument(file: TextFile, field: string): Promise<void> {
  for await (const piece of utf8Pieces(file)) {
    const shape = whatInsteadOfLines(piece.subarray(0, SAMPLE_BYTES));
    if (shape !== null) throw unreadable(field, shape);
    return;
  }
}

/** Whole lines in blocks. */
async function* lineBlocks(file: TextFile): AsyncGenerator<RowBlock> {
  let held = gatherBytes(0);
  let number = 1;
  function take(): RowBlock {
    const bytes = held.bytes();
    const rows = linesOf(Buffer.from(bytes.buffer, 0, bytes.length), 'latin1').length;
    held = gatherBytes(BLOCK_BYTES);
    number += rows;
    return { bytes, number: number - rows, rows };
  }
  for await (const piece of utf8Pieces(file)) {
    const end = piece.lastIndexOf(NEWLINE) + 1;
    held.add(piece.subarray(0, end));
    if (end > 0) yield take();
    held.add(piece.subarray(end));
    if (held.length > LONGEST_ROW) {
      yield { bytes: new Uint8Array(0), number, rows: 1, broken: 'overlong' };
      return;
    }
  }
  if (held.length > 0) yield take();
}
