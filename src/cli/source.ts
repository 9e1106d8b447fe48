import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BatchError } from '../errors.ts';

/** The argument of the operations that takes a file of this ending. */
const sourceByEnding: Record<string, string> = {
  '.json': 'requests_file',
  '.jsonl': 'requests_file',
  '.ndjson': 'requests_file',
  '.csv': 'rows_file',
  '.tsv': 'rows_file',
  '.txt': 'rows_file',
};

/** Work as a person names it: the arguments it means, and what to remove when it is no longer read. */
export type Source = { args: Record<string, unknown>; discard(): Promise<void> };

/** The work in a file or in files, or in stdin for `-`. Throws `invalid_input` where stdin is empty. */
export async function openSource(file: string, stdin: NodeJS.ReadableStream): Promise<Source> {
  if (file !== '-') return { args: argsOf(file), discard: async () => {} };
  const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-'));
  const discard = () => rm(folder, { recursive: true, force: true });
  try {
    return { args: argsOf(await keep(stdin, folder)), discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

function argsOf(file: string): Record<string, unknown> {
  const argument = sourceByEnding[path.extname(file).toLowerCase()];
  const isPattern = /[*?{[]/.test(file);
  return argument === undefined || isPattern ? { input_files: [file] } : { [argument]: file };
}

/** Stdin as a file: what it holds is read more than once, and may be larger than the memory. */
async function keep(stdin: NodeJS.ReadableStream, folder: string): Promise<string> {
  const chunks = stdin[Symbol.asyncIterator]();
  let first = '';
  const begun: Buffer[] = [];
  while (first === '') {
    const { done, value } = await chunks.next();
    if (done) throw new BatchError('invalid_input', 'Stdin holds no tasks; nothing was sent.');
    begun.push(Buffer.from(value));
    first = String(value)
      .replace(/^\uFEFF/, '')
      .trimStart();
  }
  async function* all() {
    yield* begun;
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) return;
      yield value;
    }
  }
  const file = path.join(folder, first.startsWith('[') ? 'stdin.json' : 'stdin.jsonl');
  await pipeline(Readable.from(all()), createWriteStream(file, { mode: 0o600 }));
  return file;
}
