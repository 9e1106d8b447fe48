/**
 * Turns at what all who share a store may only do so often, as requests to an API. Each `name` has its own; all methods throw
 * `store_failed`.
 */
export type Turns = {
  /**
   * Takes the next turn, and gives in how many milliseconds it is: so many a minute over all, a few at once where nobody took
   * any for a while. None is taken where that is longer than `longestMs`. Without a rate there is only what was held.
   */
  next(name: string, perMinute: number | null, longestMs: number): Promise<number>;
  /** Nobody has a turn for so long. */
  hold(name: string, ms: number): Promise<void>;
};
