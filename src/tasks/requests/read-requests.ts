import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode, type Problem } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { decodeUtf8, locateJsonError } from '../../lib/json.ts';
import { hasPlaces } from '../render/places.ts';
import { ARRAY, holdsRows, whatInsteadOfArray, whatInsteadOfLines } from '../sources/file-shape.ts';
import { ExactAssembler, tokensOf } from '../sources/tables/json-tokens.ts';
import { beginningOf, SAMPLE_BYTES } from '../sources/text-file.ts';
import type { TaskDefaults } from '../task.ts';
import type { WorkSource } from '../work.ts';
import { exactItem, type Item } from './read-item.ts';

/** How a file holds tasks: one per line, or all as one array. */
type FileForm = 'lines' | 'array';

/** The form that a file's ending stands for. Throws `invalid_input` for an unknown one. */
export function formOf(file: string): FileForm {
  switch (path.extname(file).toLowerCase()) {
    case '.jsonl':
    case '.ndjson':
      return 'lines';
    case '.json':
      return 'array';
    default:
      throw new BatchError('invalid_input', 'requests_file has an unknown ending; nothing was read.', {
        problems: [
          {
            field: 'requests_file',
            problem: 'unknown ending',
            valid:
              '.json (an array), .jsonl or .ndjson (one task per line); a table (.csv, .tsv, .txt) goes into rows_file',
          },
        ],
      });
  }
}

/** Opens a file for `use`, and closes it in any case. */
export async function* withFile<T>(
  file: string,
  folders: AllowedFolders,
  use: (handle: FileHandle) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const { handle } = await folders.openForReading(file);
  try {
    yield* use(handle);
  } finally {
    await handle.close();
  }
}

const openBytes = (file: string, folders: AllowedFolders): AsyncIterable<Uint8Array> =>
  // The stream reads through the handle that was checked; a path could be swapped in between.
  withFile(file, folders, (fd) => createReadStream('', { fd, autoClose: false, highWaterMark: 256 * 1024 }));

/**
 * The elements of the array in a file, one by one. Throws `invalid_input` where there is none, or the JSON is broken.
 */
export async function* readArray(file: string, folders: AllowedFolders): AsyncGenerator<Item> {
  try {
    yield* elementsOf(onlyArray(decodeUtf8(openBytes(file, folders))));
  } catch (error) {
    throw await arrayError(error, file, folders);
  }
}

async function* elementsOf(text: AsyncIterable<string>): AsyncGenerator<Item> {
  const assembler = new ExactAssembler();
  let depth = 0;
  for await (const tokens of tokensOf(text)) {
    for (const token of tokens) {
      if (token.name === 'endArray' || token.name === 'endObject') depth -= 1;
      // The array's own brackets are outside all elements.
      const isInside = depth > 0;
      if (token.name === 'startArray' || token.name === 'startObject') depth += 1;
      if (!isInside) continue;
      assembler.consume(token);
      if (assembler.done) yield exactItem(assembler.current, assembler.repeatedKey);
    }
  }
}

/** Passes the text on if its first character opens an array. */
async function* onlyArray(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let started = false;
  for await (const text of texts) {
    const begun = text.trimStart();
    if (!started && begun !== '') {
      started = true;
      if (!begun.startsWith('[')) throw new SyntaxError('no array');
    }
    yield text;
  }
  if (!started) throw new SyntaxError('nothing');
}

export function unreadableRequests(problem: Pick<Problem, 'problem' | 'valid'>, cause?: unknown): BatchError {
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
  if (error instanceof BatchError || !(error instanceof Error)) return error;
  const shape = await shapeOf(file, folders, whatInsteadOfArray);
  if (shape !== null) return unreadableRequests(shape, error);
  if (hasErrorCode(error, 'ERR_ENCODING_INVALID_ENCODED_DATA'))
    return unreadableRequests({ problem: 'is not UTF-8', valid: 'a file saved as UTF-8' }, error);
  const position = await locateJsonError(decodeUtf8(openBytes(file, folders)));
  const where = position ? ` from line ${position.line}, column ${position.column} on` : '';
  // The parser's own message quotes the file, so it is not kept as the cause.
  return unreadableRequests({ problem: `is not JSON${where}`, valid: ARRAY });
}

/**
 * Throws `invalid_input` with a single problem where a file of lines is something else, or a file of tasks holds rows
 * for a shared prompt.
 */
export async function refuseWrongShape(
  source: WorkSource,
  folders: AllowedFolders,
  { prompt = '' }: TaskDefaults = {},
): Promise<void> {
  if (source.kind !== 'requests_file') return;
  const lines = formOf(source.path) === 'lines';
  const shape = lines ? await shapeOf(source.path, folders, whatInsteadOfLines) : null;
  if (shape !== null) throw unreadableRequests(shape);
  if (hasPlaces(prompt) && (await shapeOf(source.path, folders, holdsRows)))
    throw unreadableRequests({
      problem: 'holds rows, not tasks',
      valid: 'rows_file with the same file: its keys fill the {{places}} of the prompt',
    });
}

/** What a file is, as `look` judges by its beginning. */
async function shapeOf<T>(
  file: string,
  folders: AllowedFolders,
  look: (beginning: Uint8Array) => T,
): Promise<T> {
  const { handle } = await folders.openForReading(file);
  try {
    return look(await beginningOf(handle, SAMPLE_BYTES));
  } finally {
    await handle.close();
  }
}
