/** Numbers by chance that are the same for the same seed. */
export type Chance = {
  /** From 0 up to but not `below`. */
  whole(below: number): number;
  one<T>(of: readonly [T, ...T[]]): T;
  percent(share: number): boolean;
};

/** Mulberry32. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const whole = (below: number) => Math.floor(next() * below);
  return {
    whole,
    one: (of) => of[whole(of.length)] ?? of[0],
    percent: (share) => next() * 100 < share,
  };
}

/** The seed in SEED, else a new one. */
export function givenSeed(): number {
  return process.env.SEED === undefined ? Math.floor(Math.random() * 1_000_000) : Number(process.env.SEED);
}
