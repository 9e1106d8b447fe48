import { isUtf8 } from 'node:buffer';
import type { Problem } from '../../errors.ts';
import { locateJsonError } from '../../lib/json.ts';
import type { LineBlock } from '../../lib/line-blocks.ts';
import { readItem } from '../requests/read-item.ts';
import { whatALineIs } from '../sources/file-shape.ts';
import { everything, type Spread } from '../sources/item-source.ts';
import type { Examiner } from './examiner.ts';

const NEWLINE = 10;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const BLANKS = new Set([0x09, 0x0d, 0x20]);

/** The bytes without the blanks around them that JSON allows. */
function trimmed(line: Buffer): Buffer {
  let start = 0;
  let end = line.length;
  while (start < end && BLANKS.has(line[start] ?? 0)) start += 1;
  while (start < end && BLANKS.has(line[end - 1] ?? 0)) end -= 1;
  return line.subarray(start, end);
}

/** How many lines of a block are not empty. */
export function countItems({ bytes: given, overlong }: LineBlock): number {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  let items = overlong ? 1 : 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    if (trimmed(bytes.subarray(start, end)).length > 0) items += 1;
    start = end + 1;
  }
  return items;
}

type LinesOptions = {
  /** Which of the tasks are wanted. Default: all. */
  spread?: Spread;
  /** The index of the block's first task. */
  first?: number;
  /** Called after every line; a returned promise is awaited. */
  added?: () => Promise<void> | null;
};

/**
 * Passes the wanted tasks on a block's lines to `examiner`, skipping empty lines. Returns the index of the next
 * block's first task.
 */
export async function examineLines(
  lines: LineBlock,
  examiner: Pick<Examiner, 'add' | 'refuse'>,
  { spread = everything, first = 0, added }: LinesOptions = {},
): Promise<number> {
  const { number: firstLine, overlong } = lines;
  if (overlong) {
    examiner.refuse(firstLine, {
      problem: 'is longer than one batch can hold, and what follows it was not read',
      valid: 'one task per line; split its input',
    });
    return first + 1;
  }
  const bytes = Buffer.from(lines.bytes.buffer, lines.bytes.byteOffset, lines.bytes.length);
  // Checked separately, which is several times faster than a strict decoder.
  const allUtf8 = isUtf8(bytes);
  let index = first;
  let number = firstLine;
  for (let start = 0; start < bytes.length && !spread.isDone; number += 1) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const marked = number === 1 && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
    const line = bytes.subarray(marked ? BYTE_ORDER_MARK.length : start, end);
    start = end + 1;
    const content = trimmed(line);
    if (content.length === 0) continue;
    index += 1;
    if (!spread.wants(index - 1)) continue;
    spread.take();
    if (allUtf8 || isUtf8(line)) {
      const item = readItem(content.toString('utf8'), content);
      if (item === undefined) await refuseLine(number, line.toString('utf8'), examiner);
      else examiner.add(number, item);
    } else examiner.refuse(number, { problem: 'is not UTF-8', valid: 'a file saved as UTF-8' });
    const passed = added?.();
    if (passed) await passed;
  }
  return index;
}

/** Says where the JSON is broken. The parser's own message is dropped, as it quotes the file. */
async function refuseLine(number: number, text: string, examiner: Pick<Examiner, 'refuse'>): Promise<void> {
  const position = await locateJsonError(one(text));
  examiner.refuse(number, whyNotJson(text, position?.column));
}

/** A lone carriage return between two values: a file with other line ends has them on one line. */
const LONE_RETURN = /[}\]]\s*\r\s*[{[]/;

function whyNotJson(text: string, column: number | undefined): Problem {
  if (LONE_RETURN.test(text)) {
    return {
      problem: 'holds several tasks, with carriage returns alone between them, as old Macs end lines',
      valid: 'the file saved with LF or CRLF line ends',
    };
  }
  const habit = whatALineIs(text.trim());
  if (habit !== null) return habit;
  const where = column === undefined ? '' : ` from column ${column} on`;
  if (text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').includes('\ufeff')) {
    return {
      problem: `holds a byte order mark (U+FEFF)${where}, as where files were joined`,
      valid: 'the file without it; a mark is allowed only at its very beginning',
    };
  }
  return { problem: `is not JSON${where}`, valid: 'one JSON object per line' };
}

async function* one(text: string): AsyncGenerator<string> {
  yield text;
}
