import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import { createIdFinder } from '../../lib/names.ts';
import { createRecent, type Recent } from '../../lib/recent.ts';
import { outcomes as allOutcomes, type Outcome } from '../../store/saved-results.ts';
import { spreadOver } from '../../tasks/sources/item-source.ts';
import type { AnsweredRow } from '../answer.ts';
import { chunksOf } from '../view/passes.ts';
import type { View } from '../view/view.ts';
import { isWanted, namedValue } from './named-value.ts';

/** Selects answers: those that pass all of these filters. */
export type Filters = {
  outcomes?: readonly (Outcome | 'pending')[] | undefined;
  task_ids?: readonly string[] | undefined;
  /** Values, or lists of values, by name (see `namedValue`). */
  where?: Readonly<Record<string, unknown>> | undefined;
  /** A text in the answer, ignoring case. */
  search?: string | undefined;
  /** Takes this many of them, spread evenly. */
  sample?: number | undefined;
};

/** Filters as they are kept with the file that they select for. */
export const outputFilters = z.object({
  outcomes: z.array(z.enum([...allOutcomes, 'pending'])).optional(),
  task_ids: z.array(z.string()).optional(),
  where: z.record(z.string(), z.unknown()).optional(),
  search: z.string().optional(),
  sample: z.int().positive().optional(),
});

export const isFiltered = (filters: Filters): boolean =>
  Object.values(filters).some((filter) => filter !== undefined);

/** Whether selecting takes more than the index. */
export const readsAnswers = ({ where, search, sample }: Filters): boolean =>
  where !== undefined || search !== undefined || sample !== undefined;

/** The latest selections of each view: a series of pages goes through one selection. */
const selections = new WeakMap<object, Recent<Uint32Array>>();
const SELECTIONS_KEPT = 4;

/** The ordinals of the selected answers, ascending: 4 bytes each. Throws `invalid_input` for ids that the batch does not have. */
export function select(view: View, filters: Filters): Promise<Uint32Array> {
  const recent = selections.get(view.content) ?? createRecent<Uint32Array>(SELECTIONS_KEPT);
  selections.set(view.content, recent);
  return recent.get(stringifyExact(filters), () => selectAnew(view, filters));
}

async function selectAnew(view: View, { where, search, sample, ...cheap }: Filters): Promise<Uint32Array> {
  const isIn = await matcherOf(view, cheap);
  const passes = contentMatcher(where, search);
  const found = new Uint32Array(view.count);
  let count = 0;
  for (const ordinals of chunksOf(view)) {
    const candidates = ordinals.filter(isIn);
    if (candidates.length === 0) continue;
    const answered = passes && (await view.answeredRows(candidates));
    for (const [position, ordinal] of candidates.entries()) {
      const each = answered?.[position];
      if (passes && each && !passes(each)) continue;
      found[count] = ordinal;
      count += 1;
    }
  }
  const all = found.slice(0, count);
  return sample === undefined ? all : sampled(all, sample);
}

/** Selects by the index alone. Unless outcomes are named, pending tasks are counted, not listed. */
export async function matcherOf(
  view: View,
  { outcomes, task_ids }: Pick<Filters, 'outcomes' | 'task_ids'>,
): Promise<(ordinal: number) => boolean> {
  const wanted = task_ids && (await ordinalsOf(view, task_ids));
  return (ordinal) =>
    (wanted === undefined || wanted.has(ordinal)) &&
    (outcomes === undefined ? view.outcome(ordinal) !== 'pending' : outcomes.includes(view.outcome(ordinal)));
}

function contentMatcher(where: Filters['where'], search: string | undefined) {
  if (where === undefined && search === undefined) return null;
  const wanted = Object.entries(where ?? {});
  const sought = search?.normalize().toLowerCase();
  return (answered: AnsweredRow): boolean =>
    wanted.every(([name, value]) => isWanted(namedValue(answered, name), value)) &&
    (sought === undefined || textOf(answered).includes(sought));
}

function textOf({ answer: { text, json, tool_calls } }: AnsweredRow): string {
  const said = [
    text,
    json === undefined ? undefined : stringifyExact(json),
    tool_calls && stringifyExact(tool_calls),
  ];
  return said.join('\n').normalize().toLowerCase();
}

function sampled(all: Uint32Array, most: number): Uint32Array {
  const spread = spreadOver(all.length, most);
  return all.filter((_, index) => {
    if (!spread.wants(index)) return false;
    spread.take();
    return true;
  });
}

/** Throws `invalid_input` for ids that the batch does not have. */
async function ordinalsOf(view: View, taskIds: readonly string[]): Promise<Set<number>> {
  const ids = createIdFinder(new Map(taskIds.map((id) => [id, id])));
  let ordinal = 0;
  for await (const tasks of view.tasks()) {
    for (const { task_id } of tasks) {
      ids.compare(task_id, ordinal);
      ordinal += 1;
    }
  }
  const { found, left } = ids.finish();
  if (left.size === 0) return new Set(found.keys());
  throw new BatchError(
    'invalid_input',
    `${left.size} of the task_ids ${left.size === 1 ? 'is' : 'are'} not in this batch.`,
    {
      problems: [...left.keys()].map((id) => ({
        field: 'task_ids',
        problem: `${JSON.stringify(id.slice(0, 64))} is not a task of this batch`,
        valid: 'ids as they were submitted',
      })),
    },
  );
}
