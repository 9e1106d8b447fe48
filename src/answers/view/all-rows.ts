import { breather } from '../../lib/breathing.ts';
import type { AnsweredRow } from '../answer.ts';
import type { View } from './view.ts';

/**
 * So many bytes of lines are read together: results come in no order, and the fewer of them are wanted at once, the more is
 * read along.
 */
const BYTES_TOGETHER = 16 * 1024 * 1024;
/** Answers made at once, in memory only as long as they are worked on. */
const GROUP = 500;

/** The answers of many tasks in the order asked for, in groups, for whoever reads all of them. */
export async function* allRows(
  view: View,
  groups: Iterable<readonly number[]>,
  { standIn }: { standIn?: string | undefined } = {},
): AsyncGenerator<AnsweredRow[]> {
  const breathe = breather();
  for (const together of readTogether(view, groups)) {
    const lines = await view.lines(together);
    for (let from = 0; from < together.length; from += GROUP) {
      const group = together.slice(from, from + GROUP);
      yield await view.answeredRows(group, { lines: lines.slice(from, from + GROUP), standIn });
      await breathe();
    }
  }
}

/** The tasks in lists whose answers are read together. */
function* readTogether(view: View, groups: Iterable<readonly number[]>): Generator<number[]> {
  let together: number[] = [];
  let bytes = 0;
  for (const group of groups) {
    together.push(...group);
    for (const ordinal of group) bytes += view.lineLength(ordinal);
    if (bytes < BYTES_TOGETHER) continue;
    yield together;
    together = [];
    bytes = 0;
  }
  if (together.length > 0) yield together;
}
