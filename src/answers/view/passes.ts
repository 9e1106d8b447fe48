import { LINES_AT_ONCE, type View } from './view.ts';

/** All tasks of a view in order, as many together as are read at a time. */
export function* chunksOf({ count }: Pick<View, 'count'>): Generator<number[]> {
  for (let start = 0; start < count; start += LINES_AT_ONCE) {
    yield Array.from({ length: Math.min(LINES_AT_ONCE, count - start) }, (_, index) => start + index);
  }
}

/** These tasks, as many together as are read at a time. */
export function* chunked(ordinals: Uint32Array): Generator<number[]> {
  for (let start = 0; start < ordinals.length; start += LINES_AT_ONCE) {
    yield Array.from(ordinals.subarray(start, start + LINES_AT_ONCE));
  }
}

/** Makes something of a whole view, once for however many openings of it. */
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
