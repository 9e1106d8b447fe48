import { createWriteStream, rmSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BatchError } from '../errors.ts';
import { fileFailure, systemErrorCode } from '../lib/files/file-failure.ts';
import { openRegularFile } from '../lib/files/regular-file.ts';
import { readOwner, writeOwner } from '../store/files/staging.ts';
import { isProvenDead } from '../store/process-identity.ts';
import { encodingOf } from '../tasks/sources/encoding.ts';
import { holdsListOfRows } from '../tasks/sources/file-shape.ts';
import {
  beginningOf,
  isDecodingError,
  notDecoded,
  recoded,
  SAMPLE_BYTES,
} from '../tasks/sources/text-file.ts';

/** Stdin as a file, and what removes it. */
type KeptStdin = { file: string; discard(): Promise<void> };

const PREFIX = 'batch-mcp-stdin-';

/**
 * Stdin as a file in its own folder, because it is read more than once and may be larger than memory. If it doesn't begin
 * like JSON it is a table, with the file ending `table`. Throws `invalid_input` if it is empty.
 */
export async function keepStdin(
  stdin: AsyncIterable<string | Buffer>,
  table: '.csv' | '.txt',
): Promise<KeptStdin> {
  const temporary = os.tmpdir();
  const failure = (error: unknown) =>
    systemErrorCode(error) === undefined
      ? error
      : fileFailure(`keep stdin in the temporary folder ${JSON.stringify(temporary)} (TMPDIR)`, error);
  const folder = await mkdtemp(path.join(temporary, PREFIX)).catch((error: unknown) => {
    throw failure(error);
  });
  // Whoever is interrupted comes to no end.
  const atExit = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', atExit);
  const discard = async () => {
    await rm(folder, { recursive: true, force: true });
    process.off('exit', atExit);
  };
  try {
    await writeOwner(folder);
    return { file: await keep(stdin, folder, table), discard };
  } catch (error) {
    await discard();
    throw failure(error);
  }
}

/** Removes what processes have left that were killed. */
export async function sweepStdin(): Promise<void> {
  const temporary = os.tmpdir();
  const names = await readdir(temporary).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    const folder = path.join(temporary, name);
    try {
      const owner = await readOwner(folder);
      // A folder without an owner holds nothing yet.
      if (owner !== null && isProvenDead(owner)) await rm(folder, { recursive: true, force: true });
    } catch (error) {
      // It belongs to somebody else, who will remove it.
      if (!(error instanceof BatchError) && systemErrorCode(error) === undefined) throw error;
    }
  }
}

async function keep(stdin: AsyncIterable<string | Buffer>, folder: string, table: string): Promise<string> {
  const chunks = stdin[Symbol.asyncIterator]();
  const begun: Buffer[] = [];
  const more = async () => {
    const { done, value } = await chunks.next();
    if (!done) begun.push(Buffer.from(value));
    return !done;
  };
  while (Buffer.concat(begun).length < ENCODING_SHOWS && (await more()));
  const encoding = encodingOf(Buffer.concat(begun)) ?? { name: 'utf-8', markBytes: 0 };
  const first = await firstWord(begun, encoding.name, more);
  async function* all() {
    yield* begun;
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) return;
      yield Buffer.from(value);
    }
  }
  const ending = first.startsWith('[') ? '.json' : /^[{"]/.test(first) ? '.jsonl' : table;
  const file = path.join(folder, `stdin${ending}`);
  // Tables are read in UTF-16 too, and what is written from them takes after them.
  const isRecoded = ending !== table && encoding.name !== 'utf-8';
  await pipeline(
    Readable.from(isRecoded ? recoded(all(), encoding) : all()),
    createWriteStream(file, { mode: 0o600 }),
  ).catch((error: unknown) => {
    throw isDecodingError(error) ? notDecoded('stdin', { encoding }) : error;
  });
  if (ending !== '.jsonl' || !holdsListOfRows(await beginningAt(file))) return file;
  const whole = path.join(folder, 'stdin.json');
  await rename(file, whole);
  return whole;
}

/** So many bytes show how a text is encoded. */
const ENCODING_SHOWS = 8;

/** What follows the blanks at the beginning. Throws `invalid_input` where nothing does. */
async function firstWord(
  begun: readonly Buffer[],
  encoding: string,
  more: () => Promise<boolean>,
): Promise<string> {
  const decoder = new TextDecoder(encoding);
  let first = '';
  for (let at = 0; first === ''; at += 1) {
    if (at === begun.length && !(await more()))
      throw new BatchError('invalid_input', 'Stdin holds no tasks; nothing was sent.');
    first = decoder.decode(begun[at], { stream: true }).trimStart();
  }
  return first;
}

/** How a file begins; empty where it can't be read, which whoever uses it will say. */
export async function beginningAt(file: string): Promise<Buffer> {
  try {
    const handle = await openRegularFile(file);
    try {
      return await beginningOf(handle, SAMPLE_BYTES);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === undefined && !(error instanceof BatchError)) throw error;
    return Buffer.alloc(0);
  }
}
