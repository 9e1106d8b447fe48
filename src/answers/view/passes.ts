import { breather } from '../../lib/breathing.ts';
import type { AnsweredRow } from '../answer.ts';
import { LINES_AT_ONCE, type View } from './view.ts';

/** The ordinals of a view in order, in chunks that are read together. */
export function* chunksOf({ count }: Pick<View, 'count'>): Generator<number[]> {
  for (let start = 0; start < count; start += LINES_AT_ONCE) {
    yield Array.from({ length: Math.min(LINES_AT_ONCE, count - start) }, (_, index) => start + index);
  }
}

/** These ordinals, in chunks that are read together. */
export function* chunked(ordinals: Uint32Array): Generator<number[]> {
  for (let start = 0; start < ordinals.length; start += LINES_AT_ONCE) {
    yield Array.from(ordinals.subarray(start, start + LINES_AT_ONCE));
  }
}

/** Makes something from a whole view, once for all openings of it. */
export function oncePerView<T>(make: (view: View) => Promise<T>): (view: View) => Promise<T> {
  const made = new WeakMap<object, Promise<T>>();
  return async (view) => {
    const found = made.get(view.content) ?? make(view);
    made.set(view.content, found);
    try {
      return await found;
    } catch (error) {
      made.delete(view.content);
      throw error;
    }
  };
}

/**
 * How many bytes of lines are read together: results come in no order, so the fewer are wanted at once, the more is read
 * in vain.
 */
const BYTES_TOGETHER = 16 * 1024 * 1024;
/** How many answers are made together, in memory only as long as they are worked on. */
const GROUP = 500;

/** The answers of many tasks in the order asked for, in groups, for a caller that reads all of them. */
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

/** Splits the tasks into lists whose answers are read together. */
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
