/** At most so many, spread evenly over all that came, however many that turn out to be. */
export type Sample<T> = {
  /** The item is made only if it is kept. */
  add(make: () => T): void;
  items(): T[];
};

/** Keeps every item up to `size`; beyond that every second, fourth, … one, so half of `size` at least. */
export function createSample<T>(size: number): Sample<T> {
  let kept: T[] = [];
  let stride = 1;
  let seen = 0;
  return {
    add(make) {
      if (seen % stride === 0) {
        if (kept.length === size) {
          kept = kept.filter((_, index) => index % 2 === 0);
          stride *= 2;
        }
        if (seen % stride === 0) kept.push(make());
      }
      seen += 1;
    },
    items: () => [...kept],
  };
}
