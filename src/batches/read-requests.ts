import { createReadStream } from 'node:fs';
import path from 'node:path';
import { BatchError, hasErrorCode, type Problem } from '../errors.ts';
import type { AllowedFolders } from '../files/allowed-folders.ts';
import { decodeUtf8, locateJsonError, parseJsonArray } from '../files/json.ts';
import { splitLines } from '../files/lines.ts';
import type { WorkSource } from './work.ts';

/** One item of the caller's list, or why it can't be read; `place` as the caller would look for it. */
export type Item = { place: string; value: unknown } | { place: string; problem: Problem };

/** The items of a list of tasks in order, read piece by piece. Throws where the whole can't be read. */
export async function* readItems(source: WorkSource, folders: AllowedFolders): AsyncGenerator<Item> {
  switch (source.kind) {
    case 'requests':
      for (const [index, value] of source.items.entries()) yield { place: `requests[${index}]`, value };
      return;
    case 'requests_file':
      yield* readFileItems(source.path, folders);
  }
}

async function* readFileItems(file: string, folders: AllowedFolders): AsyncGenerator<Item> {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.jsonl') yield* readLines(file, folders);
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

async function* readLines(file: string, folders: AllowedFolders): AsyncGenerator<Item> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const lines of splitLines(openBytes(file, folders))) {
    for (const line of lines) {
      const place = `line ${line.number}`;
      let text: string;
      try {
        text = decoder.decode(line.bytes);
      } catch {
        yield { place, problem: { item: place, problem: 'is not UTF-8', valid: 'a file saved as UTF-8' } };
        continue;
      }
      if (text.trim() === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        yield { place, problem: await lineProblem(place, text) };
        continue;
      }
      yield { place, value };
    }
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
