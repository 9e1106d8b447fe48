import { randomBytes } from 'node:crypto';
import type { Problem } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import type { IdForm } from '../provider/dialect.ts';
import type { GivenIds, PlacedProblem } from './block.ts';
import { type GivenId, itemName, type PlaceKind, placeName } from './task.ts';

/** Collects the ids of a list, and finds those that occur twice. */
export function createIdList(places: PlaceKind) {
  const numbers = new Map<string, number>();

  /** The problem of an item's id, where an earlier item has the same. */
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
    if (places === 'file') return twoFiles(field, value);
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

/** Paths differ, so one of the two is a part of a longer text. */
function twoFiles(field: GivenId['field'], value: string): Problem {
  const [, path = value, part = ''] = /^(.*)#(\d+)$/s.exec(value) ?? [];
  return {
    field,
    problem: `${JSON.stringify(value)} is part ${part} of ${JSON.stringify(path)}, as split_chars cuts it, and a file of that name too`,
    valid: `another name for that file, or input_files without it (${JSON.stringify(`!${value}`)})`,
  };
}

/** A random part for the made-up ids of a batch: 60 bits in letters and digits, which no caller's id will contain. */
export function createNonce(): string {
  return randomBytes(10).toString('base64url').replaceAll(/[-_]/g, '0').slice(0, 10);
}

/**
 * The id that a task is sent under: its own where the provider accepts it, else one made from `number`, the task's
 * place in the caller's list, and the batch's `nonce`.
 */
export function requestIdFor(taskId: string, number: number, nonce: string, { pattern }: IdForm): string {
  return pattern.test(taskId) ? taskId : `task_${number}_${nonce}`;
}

/** A made-up id, as it appears in a prompt that names its tasks by their ids. */
const MADE = /\btask_(\d+)_[a-zA-Z0-9]{10}\b/g;

/** A text with every nonce replaced by a constant, so that the same work has the same size whenever it is counted. */
export const withoutNonces = (text: string): string => text.replaceAll(MADE, 'task_$1_zzzzzzzzzz');
