import type { Problem } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import type { GivenIds, PlacedProblem } from './block.ts';
import { type PlaceKind, placeName } from './place.ts';
import { type GivenId, itemName } from './task.ts';

/** The ids of a list so far: an id is told once and for all. */
export function createIdList(places: PlaceKind) {
  const numbers = new Map<string, number>();

  /** What is wrong with the id of the item with that number, where one before it has the same. */
  function note(number: number, { field, value }: GivenId): Problem | null {
    const earlier = numbers.get(value);
    if (earlier === undefined) {
      numbers.set(value, number);
      return null;
    }
    if (places === 'row') {
      const problem = `has ${quoteName(value)} in rows ${earlier} and ${number}`;
      return { field: 'id_column', problem, valid: 'an id of its own in every row' };
    }
    const item = itemName(placeName(places, number), value);
    const problem = `is the same as that of ${placeName(places, earlier)}`;
    return { item, field, problem, valid: 'an id of its own for every task' };
  }

  return {
    note,
    noteAll(ids: GivenIds): PlacedProblem[] {
      const problems: PlacedProblem[] = [];
      for (const [index, value] of ids.values.entries()) {
        const number = ids.numbers[index] ?? 0;
        const problem = note(number, { field: ids.native[index] === 1 ? 'custom_id' : 'task_id', value });
        if (problem !== null) problems.push({ number, problem });
      }
      return problems;
    },
  };
}
