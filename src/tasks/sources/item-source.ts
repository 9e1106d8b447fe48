import type { SourceItem } from './source-row.ts';
import type { Spread } from './spread.ts';

/** What is known of a source beside its items. */
export type SourceFacts = {
  /** What places can name; null where only the items tell. */
  columns: readonly string[] | null;
  /** What is odd, though it can be used; read it when all items were taken. */
  warnings(): string[];
  /** What was left out, in words; empty where nothing was. */
  skipped(): string;
  /** How many tasks each stage has, where answers are merged again; read it when all items were taken. */
  stages?(): number[];
};

/** Rows or files as tasks, read once from the beginning whenever they are asked for. */
export type ItemSource = {
  /** How many items there are, or a few more: what is blank or left out counts too. */
  count(): Promise<number>;
  /** Those that `spread` wants, in groups. `begin` is told of the source before the first of them. */
  items(spread: Spread, begin: (facts: SourceFacts) => void): AsyncIterable<SourceItem[]>;
};

/** Those of a group that are wanted; `first` is the index of its first. */
export function wanted<T>(group: readonly T[], first: number, spread: Spread): T[] {
  return group.filter((_, index) => {
    const takes = spread.wants(first + index);
    if (takes) spread.take();
    return takes;
  });
}
