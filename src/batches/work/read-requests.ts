import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { BatchError, hasErrorCode, type Problem } from '../../errors.ts';
import type { AllowedFolders } from '../../files/allowed-folders.ts';
import { decodeUtf8, locateJsonError, parseJsonArray } from '../../files/json.ts';
import { type Line, splitLines } from '../../files/lines.ts';
import type { WorkSource } from './work.ts';

const BYTE_ORDER_MARK = '\ufeff';

/** One item of the caller's list, or why it can't be read; `place` as the caller would look for it. */
export type Item = { place: string; value: unknown } | { place: string; problem: Problem };

/**
 * The items of a list of tasks in order, read piece by piece; a line of more than `longestLine` bytes is the last.
 * Throws where the whole can't be read.
 */
export async function* readItems(
  source: WorkSource,
  folders: AllowedFolders,
  longestLine: number,
): AsyncGenerator<Item> {
  switch (source.kind) {
    case 'requests':
      for (const [index, value] of source.items.entries()) yield { place: `requests[${index}]`, value };
      return;
    case 'requests_file':
      yield* readFileItems(source.path, folders, longestLine);
  }
}

async function* readFileItems(
  file: string,
  folders: AllowedFolders,
  longestLine: number,
): AsyncGenerator<Item> {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.jsonl') yield* readLines(file, folders, longestLine);
  else if (extension === '.json') yield* readArray(file, folders);
  else {
    throw new BatchError(
      'invalid_input',
      'requests_file has an ending that is not known; nothing was read.',
      {
        problems: [
          {
            field: 'requests_file',
            problem: 'unknown ending',
            valid: '.json (an array) or .jsonl (one task per line)',
          },
        ],
      },
    );
  }
}

async function* openBytes(file: string, folders: AllowedFolders): AsyncGenerator<Uint8Array> {
  const { handle } = await folders.openForReading(file);
  try {
    // The stream reads through the handle that was checked; a path could be swapped in between.
    const stream = createReadStream('', { fd: handle, autoClose: false, highWaterMark: 256 * 1024 });
    for await (const chunk of stream) yield chunk;
  } finally {
    await handle.close();
  }
}

async function* readLines(file: string, folders: AllowedFolders, longestLine: number): AsyncGenerator<Item> {
  for await (const lines of splitLines(openBytes(file, folders), longestLine)) {
    for (const line of lines) {
      const item = await readLine(line);
      if (item !== null) yield item;
    }
  }
}

/** Null for an empty line. */
async function readLine({ number, bytes, overlong }: Line): Promise<Item | null> {
  const place = `line ${number}`;
  if (overlong) {
    const problem = 'is longer than one batch can hold, and what follows it was not read';
    return { place, problem: { item: place, problem, valid: 'one task per line; split its input' } };
  }
  // Checked by itself, for that is several times faster than a decoder that refuses.
  if (!isUtf8(bytes)) {
    return { place, problem: { item: place, problem: 'is not UTF-8', valid: 'a file saved as UTF-8' } };
  }
  const decoded = bytes.toString('utf8');
  const text = number === 1 && decoded.startsWith(BYTE_ORDER_MARK) ? decoded.slice(1) : decoded;
  try {
    return { place, value: JSON.parse(text) };
  } catch {
    return text.trim() === '' ? null : { place, problem: await lineProblem(place, text) };
  }
}

async function lineProblem(place: string, text: string): Promise<Problem> {
  const position = await locateJsonError(one(text));
  return {
    item: place,
    problem: position ? `is not JSON from column ${position.column} on` : 'is not JSON',
    valid: 'one JSON object per line',
  };
}

async function* one(text: string): AsyncGenerator<string> {
  yield text;
}

async function* readArray(file: string, folders: AllowedFolders): AsyncGenerator<Item> {
  let index = 0;
  try {
    for await (const value of parseJsonArray(onlyArray(decodeUtf8(openBytes(file, folders))))) {
      index += 1;
      yield { place: `item ${index}`, value };
    }
  } catch (error) {
    throw await arrayError(error, file, folders);
  }
}

/** Passes the text on if its first character opens an array. */
async function* onlyArray(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let started = false;
  for await (const text of texts) {
    const first = text.trimStart()[0];
    if (!started && first !== undefined) {
      started = true;
      if (first !== '[') throw notAnArray();
    }
    yield text;
  }
  if (!started) throw unreadable({ problem: 'is empty', valid: ARRAY });
}

const ARRAY = 'a JSON array of tasks, [{…}, {…}]';

const notAnArray = () =>
  unreadable({
    problem: 'does not hold an array',
    valid: `${ARRAY}; a file with one task per line must be named .jsonl`,
  });

function unreadable(problem: Pick<Problem, 'problem' | 'valid'>, cause?: unknown): BatchError {
  return new BatchError(
    'invalid_input',
    "requests_file can't be read as a list of tasks; nothing was sent.",
    {
      problems: [{ field: 'requests_file', ...problem }],
      cause,
    },
  );
}

async function arrayError(error: unknown, file: string, folders: AllowedFolders): Promise<unknown> {
  if (error instanceof BatchError) return error;
  if (hasErrorCode(error, 'ERR_ENCODING_INVALID_ENCODED_DATA'))
    return unreadable({ problem: 'is not UTF-8', valid: 'a file saved as UTF-8' }, error);
  if (!(error instanceof Error)) return error;
  const position = await locateJsonError(decodeUtf8(openBytes(file, folders)));
  const where = position ? ` from line ${position.line}, column ${position.column} on` : '';
  // The parser's own message quotes the file, so it is no cause to keep.
  return unreadable({ problem: `is not JSON${where}`, valid: ARRAY });
}
