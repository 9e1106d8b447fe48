import * as z from 'zod';
import type { Filters } from '../answers/select.ts';
import type { Outcome } from '../store/saved-results.ts';
import { outcomeFilter } from './fields.ts';

/** Arguments that say which answers are meant, in replies, groups and files alike. */
export const filterFields = {
  outcomes: outcomeFilter,
  task_ids: z.array(z.string().min(1).max(256)).nonempty().max(1000).optional(),
  where: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('As {"json.label": "x", "row.city": ["a", "b"]}'),
  search: z.string().min(1).optional().describe('Text in the answer, in any case'),
  sample: z.int().min(1).max(200).optional().describe('So many of them, spread evenly'),
};

type FilterArguments = z.output<z.ZodObject<typeof filterFields>>;

const failed: Outcome[] = ['incomplete', 'errored', 'expired', 'canceled', 'missing'];

/** Which answers a call means. */
export function filtersOf({ outcomes, task_ids, where, search, sample }: FilterArguments): Filters {
  const given = { outcomes: wantedOutcomes(outcomes), task_ids, where, search, sample };
  return Object.fromEntries(Object.entries(given).filter(([, filter]) => filter !== undefined));
}

function wantedOutcomes(given: FilterArguments['outcomes']): (Outcome | 'pending')[] | undefined {
  return given && [...new Set(given.flatMap((outcome) => (outcome === 'failed' ? failed : [outcome])))];
}
