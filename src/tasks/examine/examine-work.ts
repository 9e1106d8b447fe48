import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { type LineBlock, readLineBlocks } from '../../lib/line-blocks.ts';
import type { Limits } from '../../state/context.ts';
import type { Block } from '../block.ts';
import { type Item, itemOf } from '../requests/read-item.ts';
import { formOf, readArray, withFile } from '../requests/read-requests.ts';
import { answersSource } from '../sources/answers-source.ts';
import { factsOfFiles, filesSource, inGroups, readAhead } from '../sources/files/files-source.ts';
import { type FoundFile, findFiles } from '../sources/files/find-files.ts';
import type { Skipped } from '../sources/files/skipped.ts';
import { everything, type ItemSource, type SourceFacts, spreadOver } from '../sources/item-source.ts';
import { mergedSource } from '../sources/merged-source.ts';
import { rowBytes, rowItems, rowsSource } from '../sources/rows-source.ts';
import type { SourceItem } from '../sources/source-row.ts';
import { withTable } from '../sources/tables/open-table.ts';
import type { PlaceKind } from '../task.ts';
import type { FilesSource, RowsSource, Work, WorkSource } from '../work.ts';
import { countItems, examineLines } from './examine-lines.ts';
import type { Examination } from './examine-task.ts';
import type { ThreadWork } from './examine-thread.ts';
import { createExaminer, type Examiner } from './examiner.ts';
import { canExamineInThreads, examineInThreads } from './thread-pool.ts';

export type Surroundings = {
  folders: AllowedFolders;
  limits: Pick<Limits, 'partBytes' | 'threadedBytes'>;
  /** Called with the facts about a table or files before the first block. */
  begin: (facts: SourceFacts) => void;
};

/** How the items of the work are named. Throws `invalid_input` for a file with an unknown ending. */
export function placesIn(source: WorkSource): PlaceKind {
  switch (source.kind) {
    case 'requests':
      return 'requests';
    case 'requests_file':
      return formOf(source.path) === 'lines' ? 'line' : 'item';
    case 'rows_file':
      return 'row';
    case 'input_files':
      return 'file';
    case 'from_batch':
      return 'answer';
  }
}

/**
 * Checks and renders the work's tasks in the caller's order, read piece by piece, in blocks. A large file of lines
 * is examined on several threads. Throws where the whole can't be read.
 */
export async function* examineWork(
  { source, max_tasks, merge }: Work,
  examination: Examination,
  given: Surroundings,
): AsyncGenerator<Block> {
  const { folders, limits } = given;
  const threadedBytes = canExamineInThreads() ? limits.threadedBytes : Number.POSITIVE_INFINITY;
  const surroundings = { ...given, limits: { ...limits, threadedBytes } };
  const examiner = createExaminer(examination);
  switch (source.kind) {
    case 'requests':
      yield* examineList(() => source.items.map(itemOf), examiner, max_tasks);
      return;
    case 'requests_file':
      if (formOf(source.path) === 'array') {
        yield* examineList(() => readArray(source.path, folders), examiner, max_tasks);
      } else yield* examineFile(source.path, { examiner, examination, max_tasks, surroundings });
      return;
    default: {
      const isPlain = merge === undefined && max_tasks === undefined;
      if (source.kind === 'rows_file' && isPlain) {
        yield* examineTable(source, { examiner, examination, max_tasks, surroundings });
        return;
      }
      // Parts of a text are numbered consecutively, and tasks on different threads could not share a request.
      const isWhole = source.kind === 'input_files' && source.split_chars === undefined;
      if (isWhole && isPlain && examination.pack === undefined) {
        yield* examineFiles(source, { examiner, examination, surroundings });
        return;
      }
      const items = itemsOf(source, folders);
      const merged = merge === undefined ? items : mergedSource(items, merge);
      const spread = max_tasks === undefined ? everything : spreadOver(await merged.count(), max_tasks);
      yield* examineItems(merged.items(spread, surroundings.begin), examiner);
    }
  }
}

type RowsOrFiles = Exclude<WorkSource, { kind: 'requests' | 'requests_file' }>;

/** The rows, files or answers of a source. */
export function itemsOf(source: RowsOrFiles, folders: AllowedFolders): ItemSource {
  switch (source.kind) {
    case 'rows_file':
      return rowsSource(source, folders);
    case 'input_files':
      return filesSource(source, folders);
    case 'from_batch':
      return answersSource(source);
  }
}

function* taken(examiner: Examiner, isStandIn = false): Generator<Block> {
  const block = examiner.take();
  if (block !== null) yield isStandIn ? { ...block, is_stand_in: true } : block;
}

/** The rest, once no more items come. */
function* ended(examiner: Examiner, isStandIn = false): Generator<Block> {
  examiner.end();
  yield* taken(examiner, isStandIn);
}

async function* examineList(
  items: () => Iterable<Item> | AsyncIterable<Item>,
  examiner: Examiner,
  max_tasks: number | undefined,
): AsyncGenerator<Block> {
  let spread = everything;
  if (max_tasks !== undefined) {
    let count = 0;
    for await (const _item of items()) count += 1;
    spread = spreadOver(count, max_tasks);
  }
  let number = 0;
  for await (const item of items()) {
    if (spread.isDone) break;
    number += 1;
    if (!spread.wants(number - 1)) continue;
    spread.take();
    examiner.add(number, item);
    if (examiner.fullness >= 1) yield* taken(examiner);
  }
  yield* ended(examiner);
}

async function* asWork(blocks: AsyncIterable<LineBlock>): AsyncGenerator<ThreadWork> {
  for await (const lines of blocks) yield { kind: 'lines', lines };
}

type FileExamination = {
  examiner: Examiner;
  examination: Examination;
  max_tasks: number | undefined;
  surroundings: Surroundings;
};

/** A file with a task on every line. */
function examineFile(
  file: string,
  { examiner, examination, max_tasks, surroundings: { folders, limits } }: FileExamination,
): AsyncGenerator<Block> {
  return withFile(file, folders, async function* (handle) {
    const blocks = () => readLineBlocks(handle, { longest: limits.partBytes });
    const { size } = await handle.stat();
    // Tasks of one thread would share no request with those of another.
    if (size >= limits.threadedBytes && max_tasks === undefined && examination.pack === undefined) {
      yield* examineInThreads(asWork(blocks()), examination);
      return;
    }
    let spread = everything;
    if (max_tasks !== undefined) {
      let count = 0;
      for await (const lines of blocks()) count += countItems(lines);
      spread = spreadOver(count, max_tasks);
    }
    let index = 0;
    for await (const lines of blocks()) {
      index = await examineLines(lines, examiner, { spread, first: index });
      yield* taken(examiner);
      if (spread.isDone) break;
    }
    yield* ended(examiner);
  });
}

/** Examines all rows of a table; those of a large one on several threads. */
function examineTable(
  source: RowsSource,
  { examiner, examination, surroundings: { folders, limits, begin } }: FileExamination,
): AsyncGenerator<Block> {
  return withTable(source.path, 'rows_file', folders, (table, size) => {
    // As with lines; and one joined table in memory is enough.
    const isThreaded =
      size >= limits.threadedBytes && examination.pack === undefined && source.join_file === undefined;
    if (isThreaded && table.kind === 'blocks')
      return examineInThreads(rowBytes(table, source, begin), examination);
    return examineItems(rowItems(table, source, folders, everything, begin), examiner);
  });
}

/** Reading a file takes as long as examining this many bytes. */
const FILE_BYTES = 8_000;

/** Examines all files; many of them on several threads, which wait for the disk instead of this one. */
async function* examineFiles(
  source: FilesSource,
  { examiner, examination, surroundings: { folders, limits, begin } }: Omit<FileExamination, 'max_tasks'>,
): AsyncGenerator<Block> {
  const skipped: Skipped = new Map();
  begin(factsOfFiles(skipped));
  const found = findFiles(source.patterns, folders, skipped);
  const first: FoundFile[] = [];
  let isAll = false;
  while (!isAll && first.length < limits.threadedBytes / FILE_BYTES) {
    const next = await found.next();
    if (next.done) isAll = true;
    else first.push(next.value);
  }
  if (isAll) yield* examineItems(readAhead(first, folders, skipped), examiner);
  else yield* examineInThreads(inGroups(joined(first, found), folders), examination, skipped);
}

async function* joined<T>(first: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* rest;
}

/** Examines rows, files or answers. */
async function* examineItems(groups: AsyncIterable<SourceItem[]>, examiner: Examiner): AsyncGenerator<Block> {
  let isStandIn = false;
  for await (const items of groups) {
    for (const item of items) {
      const isAwaited = 'awaited' in item && item.awaited?.kind === 'own';
      if (examiner.fullness >= 1 || isAwaited !== isStandIn) yield* taken(examiner, isStandIn);
      isStandIn = isAwaited;
      examiner.addItem(item);
    }
  }
  yield* ended(examiner, isStandIn);
}
