import type { AllowedFolders } from '../../../lib/files/allowed-folders.ts';
import type { FilesSource } from '../../work.ts';
import { everything, type ItemSource } from '../item-source.ts';
import type { SourceItem } from '../source-row.ts';
import { findFiles } from './find-files.ts';
import { FILES_AHEAD, type FileItem, openFiles, readFileItems } from './read-files.ts';
import { type Skipped, skippedText } from './skipped.ts';

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
      const columns = split_chars === undefined ? COLUMNS : [...COLUMNS, 'part'];
      begin({ columns, warnings: () => [], skipped: () => skippedText(skipped) });
      let index = 0;
      let number = 0;
      async function* wantedFiles() {
        for await (const file of findFiles(patterns, folders, skipped)) {
          // Without parts a file is an item, and one that is not wanted need not be opened.
          if (split_chars !== undefined || spread.wants(index)) yield file;
          if (split_chars === undefined) index += 1;
        }
      }
      // Which one is wanted hangs on what became of those before it.
      const ahead = spread === everything ? FILES_AHEAD : 1;
      for await (const file of openFiles(wantedFiles(), folders, ahead)) {
        for await (const item of readFileItems(file, options(skipped))) {
          if (spread.wants(index)) {
            spread.take();
            number += 1;
            yield [toItem(item, number)];
          }
          if (split_chars !== undefined) index += 1;
        }
        if (spread.isDone) return;
      }
    },
  };
}

function toItem(item: FileItem, number: number): SourceItem {
  const place = item.task_id;
  if ('problem' in item) return { number, place, problem: item.problem };
  const { path, part } = item.cells;
  return { number, place, ...item, kept: part === undefined ? { path } : { path, part } };
}
