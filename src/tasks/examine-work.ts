import type { AllowedFolders } from '../lib/allowed-folders.ts';
import { readLineBlocks } from '../lib/line-blocks.ts';
import type { Limits } from '../state/context.ts';
import type { Block } from './block.ts';
import { createExaminer, type Examination, type Examiner } from './examine.ts';
import { examineLines } from './examine-lines.ts';
import { examineInThreads } from './examine-threads.ts';
import type { PlaceKind } from './place.ts';
import { formOf, readArray, withFile } from './read-requests.ts';
import type { Work, WorkSource } from './work.ts';

/** How the items of the work are told apart. Throws `invalid_input` for a file whose ending is not known. */
export function placesIn(source: WorkSource): PlaceKind {
  if (source.kind === 'requests') return 'requests';
  return formOf(source.path) === 'lines' ? 'line' : 'item';
}

/**
 * Checks and renders the work's tasks in the caller's order, read piece by piece, in blocks. A large file of lines
 * is examined on several threads. Throws where the whole can't be read.
 */
export async function* examineWork(
  { source, max_tasks = Number.POSITIVE_INFINITY }: Work,
  examination: Examination,
  { folders, limits }: { folders: AllowedFolders; limits: Pick<Limits, 'partBytes' | 'threadedBytes'> },
): AsyncGenerator<Block> {
  const examiner = createExaminer(examination);
  if (source.kind === 'requests') yield* examineItems(source.items, examiner, max_tasks);
  else if (formOf(source.path) === 'array') {
    yield* examineItems(readArray(source.path, folders), examiner, max_tasks);
  } else {
    yield* withFile(source.path, folders, async function* (handle) {
      const blocks = readLineBlocks(handle, { longest: limits.partBytes });
      const { size } = await handle.stat();
      if (size >= limits.threadedBytes && max_tasks === Number.POSITIVE_INFINITY) {
        yield* examineInThreads(blocks, examination);
        return;
      }
      let left = max_tasks;
      for await (const lines of blocks) {
        left -= await examineLines(lines, examiner, left);
        const block = examiner.take();
        if (block !== null) yield block;
        if (left <= 0) return;
      }
    });
  }
}

async function* examineItems(
  items: Iterable<unknown> | AsyncIterable<unknown>,
  examiner: Examiner,
  most: number,
): AsyncGenerator<Block> {
  let number = 0;
  for await (const item of items) {
    if (number >= most) break;
    number += 1;
    examiner.add(number, item);
    if (!examiner.isFull) continue;
    const block = examiner.take();
    if (block !== null) yield block;
  }
  const rest = examiner.take();
  if (rest !== null) yield rest;
}
