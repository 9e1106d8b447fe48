import type { SourceItem } from './source-row.ts';
import type { TableForm } from './tables/table.ts';

/** Which of the items of the work are taken, one after another. */
export type Spread = {
  /** Whether the item with this index, counted from 0, is wanted; or an earlier one was, and could not be used. */
  wants(index: number): boolean;
  /** Whether any is wanted below an index: else these items need not be examined. */
  wantsBefore(index: number): boolean;
  /** An item was taken. */
  take(): void;
  /** Whether there is nothing more to take. */
  readonly isDone: boolean;
};

/** Takes `most` of `count` items, spread evenly: the first rows of a sorted table are not representative. */
export function spreadOver(count: number, most: number): Spread {
  let taken = 0;
  /** How many to take from the first `items`. */
  const due = (items: number) => (count <= most ? items : Math.ceil((items * most) / count));
  return {
    wants: (index) => taken < due(index + 1),
    wantsBefore: (index) => taken < due(index),
    take() {
      taken += 1;
    },
    get isDone() {
      return taken >= most;
    },
  };
}

/** Takes all. */
export const everything: Spread = {
  wants: () => true,
  wantsBefore: () => true,
  take() {},
  isDone: false,
};

/** What is known of a source beside its items. */
export type SourceFacts = {
  /** What places can name; null where only the items tell. */
  columns: readonly string[] | null;
  /** What is odd, though it can be used; read it once all items are taken. */
  warnings(): string[];
  /** What was left out, in words; empty where nothing was. */
  skipped(): string;
  /** How a table is written. */
  form?: TableForm;
  /** How many items were taken, where several become one task; read it once all items are taken. */
  items?: () => number;
  /** How many files they are parts of, where files are cut; read it once all items are taken. */
  files?: () => number;
  /** How many tasks each stage has, where answers are merged again; read it once all items are taken. */
  stages?(): number[];
};

/** Rows or files as tasks, read once from the beginning whenever they are asked for. */
export type ItemSource = {
  /** How many items there are, or a few more: what is blank or left out counts, too. */
  count(): Promise<number>;
  /** Those that `spread` wants, in groups. `begin` is told of the source before the first of them. */
  items(spread: Spread, begin: (facts: SourceFacts) => void): AsyncIterable<SourceItem[]>;
};

/** The wanted ones of a group; `first` is the index of its first. */
export function wanted<T>(group: readonly T[], first: number, spread: Spread): T[] {
  return group.filter((_, index) => {
    const takes = spread.wants(first + index);
    if (takes) spread.take();
    return takes;
  });
}
