import { createHash } from 'node:crypto';

/** A whole number below 2^32 that is the same for the same text, whatever process asks. */
export function seedOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

/** Shuffles a copy of `items`, the same way for the same seed. */
export function shuffled<T>(items: readonly T[], seed: string): T[] {
  return items
    .map((item, index) => ({ item, order: seedOf(`${seed}/${index}`) }))
    .sort((one, other) => one.order - other.order)
    .map(({ item }) => item);
}
