import type { AllowedFolders } from '../../../lib/files/allowed-folders.ts';
import type { Roots } from '../../../lib/files/roots.ts';
import type { FilesSource } from '../../work.ts';
import { everything, type ItemSource, type SourceFacts } from '../item-source.ts';
import type { SourceItem } from '../source-row.ts';
import { type FoundFile, findFiles } from './find-files.ts';
import { FILES_AHEAD, type FileItem, openFiles, readFileItems, readNow } from './read-files.ts';
import { type Skipped, skippedText, UNUSABLE } from './skipped.ts';

const COLUMNS = ['path', 'dir', 'stem', 'ext', 'text'];

/** Files, or parts of them, as tasks. */
export function filesSource({ patterns, split_chars }: FilesSource, folders: AllowedFolders): ItemSource {
  const options = (skipped: Skipped) => ({ split_chars, skipped });

  async function* read(skipped: Skipped): AsyncGenerator<FileItem> {
    const files = openFiles(findFiles(patterns, folders, skipped), folders, FILES_AHEAD);
    for await (const file of files) yield* readFileItems(file, options(skipped));
  }

  return {
    async count() {
      let count = 0;
      const found = split_chars === undefined ? findFiles(patterns, folders, new Map()) : read(new Map());
      for await (const _each of found) count += 1;
      return count;
    },
    async *items(spread, begin) {
      const skipped: Skipped = new Map();
      let taken = 0;
      const facts = factsOfFiles(skipped);
      begin(
        split_chars === undefined ? facts : { ...facts, columns: [...COLUMNS, 'part'], files: () => taken },
      );
      let index = 0;
      let number = 0;
      async function* wantedFiles() {
        for await (const file of findFiles(patterns, folders, skipped)) {
          // Without parts a file is an item, and one that is not wanted need not be opened.
          if (split_chars !== undefined || spread.wants(index)) yield file;
          if (split_chars === undefined) index += 1;
        }
      }
      // Which one is wanted depends on what became of those before it.
      const ahead = spread === everything ? FILES_AHEAD : 1;
      for await (const file of openFiles(wantedFiles(), folders, ahead)) {
        const before = number;
        for await (const item of readFileItems(file, options(skipped))) {
          if (spread.wants(index)) {
            spread.take();
            number += 1;
            if (number === before + 1) taken += 1;
            yield [toItem(item, number)];
          }
          if (split_chars !== undefined) index += 1;
        }
        if (spread.isDone) return;
      }
    },
  };
}

/** What files are, a few opened before they are asked for. What is left out is counted in `skipped`. */
export async function* readAhead(
  files: Iterable<FoundFile> | AsyncIterable<FoundFile>,
  folders: AllowedFolders,
  skipped: Skipped,
): AsyncGenerator<SourceItem[]> {
  let number = 0;
  for await (const file of openFiles(files, folders, FILES_AHEAD)) {
    number += 1;
    for await (const item of readFileItems(file, { split_chars: undefined, skipped }))
      yield [toItem(item, number)];
  }
}

/** Files that are not read yet: plain data, so that threads can exchange it. */
export type FoundFiles = {
  files: FoundFile[];
  /** The number of the first; one that is left out has a number too. */
  first: number;
  roots: Roots;
};

/** A thread handles this many in a few milliseconds. */
const GROUP_FILES = 128;

/** The same in groups, for threads to read. */
export async function* inGroups(
  found: AsyncIterable<FoundFile>,
  folders: AllowedFolders,
): AsyncGenerator<{ kind: 'files'; files: FoundFiles }> {
  const roots = await folders.roots();
  let files: FoundFile[] = [];
  let first = 1;
  for await (const file of found) {
    files.push(file);
    if (files.length < GROUP_FILES) continue;
    yield { kind: 'files', files: { files, first, roots } };
    first += files.length;
    files = [];
  }
  yield { kind: 'files', files: { files, first, roots } };
}

/** What such files are, read one after another. What is left out is counted in `skipped`. */
export async function* itemsOfFiles(
  { files, first, roots }: FoundFiles,
  skipped: Skipped,
): AsyncGenerator<SourceItem> {
  for (const [index, file] of files.entries()) {
    const read = readFileItems(readNow(file, roots), { split_chars: undefined, skipped });
    for await (const item of read) yield toItem(item, first + index);
  }
}

/** What is wanted and can't be read is said of the batch too, not only of its estimate. */
function unusableWarning(skipped: Skipped): string[] {
  const text = skippedText(skipped, (reason) => UNUSABLE.includes(reason));
  return text === '' ? [] : [`Of input_files these are in no task: ${text}.`];
}

/** What is known of files whose texts are not cut. */
export const factsOfFiles = (skipped: Skipped): SourceFacts => ({
  columns: COLUMNS,
  warnings: () => unusableWarning(skipped),
  skipped: () => skippedText(skipped),
});

function toItem(item: FileItem, number: number): SourceItem {
  const place = item.task_id;
  if ('problem' in item) return { number, place, problem: item.problem };
  const { path, part } = item.cells;
  return { number, place, ...item, kept: part === undefined ? { path } : { path, part } };
}
