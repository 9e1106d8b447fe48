/** Which of the items of the work are taken, one after another. */
export type Spread = {
  /** Whether the item with this index, counted from 0, is wanted; or one before it was, and could not be had. */
  wants(index: number): boolean;
  /** Whether any is wanted below an index: else so many items need not be looked at. */
  wantsBefore(index: number): boolean;
  /** An item was taken. */
  take(): void;
  /** Whether there is nothing more to take. */
  readonly isDone: boolean;
};

/** Takes `most` of `count` items, spread evenly: the first rows of a sorted table are no picture of it. */
export function spreadOver(count: number, most: number): Spread {
  let taken = 0;
  /** How many are to be had from the first `items`. */
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
