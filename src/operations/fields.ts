import * as z from 'zod';
import type { Filters } from '../answers/page/select.ts';
import { isJsonObject } from '../lib/json.ts';
import { batchIds } from '../provider/dialects.ts';
import { processingStatuses } from '../state/status.ts';
import { type Outcome, outcomes } from '../store/saved-results.ts';

/** Arguments and parts of replies that several operations share. */

export const batchId = z.string().describe(`batch_… or ${batchIds.example}`);

const outcomeName = z.enum([...outcomes, 'pending']);
const outcomeFilter = z
  .array(z.enum([...outcomeName.options, 'failed']))
  .nonempty()
  .optional()
  .describe('failed = all but succeeded');

const usd = z.number();
export const costUsd = z
  .looseObject({ expected: usd, maximum: usd, actual: usd.nullable(), basis: z.string() })
  .nullable();

export const processingStatus = z.enum(processingStatuses);

/** The least that a reply says of a batch. */
export const batchOutput = z.looseObject({
  batch_id: z.string(),
  provider: z.string(),
  processing_status: processingStatus,
  request_count: z.number().optional(),
  cost_usd: costUsd.optional(),
  check_again_in_seconds: z.number(),
});

/** Arguments that choose answers, for replies, groups and files alike. */
export const filterFields = {
  outcomes: outcomeFilter,
  task_ids: z.array(z.string().min(1).max(256)).nonempty().max(1000).optional(),
  where: z
    .record(
      z.string(),
      z.unknown().refine((value) => !isJsonObject(value), {
        error: 'a text, number, true, false or null, or a list of them: there are no operators',
      }),
    )
    .optional()
    .describe('As {"json.label": "x", "row.city": ["a", "b"]}'),
  search: z.string().min(1).optional().describe('Text in the answer, any case'),
  sample: z.int().min(1).max(200).optional().describe('This many of them, spread evenly'),
};

type FilterArguments = z.output<z.ZodObject<typeof filterFields>>;

const failed: Outcome[] = ['incomplete', 'errored', 'expired', 'canceled', 'missing'];

/** The filters that a call's arguments set. */
export function filtersOf({ outcomes, task_ids, where, search, sample }: FilterArguments): Filters {
  const given = { outcomes: wantedOutcomes(outcomes), task_ids, where: wantedValues(where), search, sample };
  return Object.fromEntries(Object.entries(given).filter(([, filter]) => filter !== undefined));
}

function wantedValues(where: FilterArguments['where']): Filters['where'] {
  const outcome = [where?.outcome].flat();
  return outcome.includes('failed') ? { ...where, outcome: [...outcome, ...failed] } : where;
}

function wantedOutcomes(given: FilterArguments['outcomes']): (Outcome | 'pending')[] | undefined {
  return given && [...new Set(given.flatMap((outcome) => (outcome === 'failed' ? failed : [outcome])))];
}
