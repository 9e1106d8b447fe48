import * as z from 'zod';
import { BatchError, type Problem } from '../../errors.ts';
import { quoteName } from '../../lib/nearest.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { batchIds } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import { outcomes } from '../../store/record.ts';
import { checkSharedModel } from '../../tasks/choose-model.ts';
import { findHalfCharacters } from '../../tasks/half-characters.ts';
import { createIdList } from '../../tasks/id-list.ts';
import { placeName } from '../../tasks/place.ts';
import { itemOf, withTextIds } from '../../tasks/read-item.ts';
import { createTaskParser, givenId, itemName, type Task, taskSettings } from '../../tasks/task.ts';
import { batchId } from '../fields.ts';

export const retryInput = z.strictObject({
  batch_id: batchId,
  outcomes: z
    .array(z.enum([...outcomes.filter((outcome) => outcome !== 'succeeded'), 'failed']))
    .nonempty()
    .optional()
    .describe('failed = all of them'),
  error_types: z.array(z.string().min(1).max(100)).nonempty().max(50).optional(),
  task_ids: z.array(z.string().min(1).max(256)).nonempty().max(1000).optional(),
  requests: z
    .array(z.unknown())
    .nonempty()
    .meta({ items: { type: 'object' } })
    .optional()
    .describe('Corrected whole tasks under their old ids, as in submit_batch; alone, only these are sent'),
  model: taskSettings.model.describe('For all that is sent again'),
  model_tier: taskSettings.model_tier,
  effort: taskSettings.effort,
  max_tokens: taskSettings.max_tokens,
  remove_params: z
    .array(z.string().min(1).max(100))
    .nonempty()
    .max(20)
    .optional()
    .describe('Params to leave out; a dot reaches into one'),
  max_cost_usd: z.number().nonnegative().optional().describe('Refuse above this'),
  dry_run: z.boolean().optional(),
  resolve: z
    .string()
    .regex(new RegExp(`^send_again$|${batchIds.pattern.source}`), {
      error: `send_again, or ${batchIds.example}`,
    })
    .optional()
    .describe(
      `A person's decision on an unconfirmed part: the ${batchIds.example} that it is, or send_again (can pay twice)`,
    ),
});

export type RetryOptions = Omit<z.output<typeof retryInput>, 'batch_id'>;

export type Correction = { place: string; task: Task };

/** Whether what is to be sent is chosen or changed, and not simply what was left. */
export function changesSomething(options: RetryOptions): boolean {
  const { max_cost_usd: _limit, dry_run: _dry, resolve: _resolve, ...rest } = options;
  return Object.values(rest).some((value) => value !== undefined);
}

/** What is wrong with the options by themselves. */
export function checkRetryOptions(
  options: RetryOptions,
  catalog: ModelCatalog,
  { requests }: Dialect,
): Problem[] {
  const needed = (options.remove_params ?? []).filter((name) => requests.required.includes(name));
  return [
    ...checkSharedModel({ model: options.model }, catalog),
    ...needed.map((name) => ({
      field: 'remove_params',
      problem: `${name} can't be left out of a request`,
      valid: 'names of optional params; model and max_tokens are changed by the arguments of that name',
    })),
    ...(options.resolve !== undefined && (changesSomething(options) || options.dry_run)
      ? [
          {
            field: 'resolve',
            problem: 'is given together with other arguments',
            valid: 'resolve alone, and a second call for the rest',
          },
        ]
      : []),
  ];
}

/** The corrected tasks by id, and what is wrong with them. */
export function readCorrections(
  requests: readonly unknown[],
  inlineBytes: number,
  dialect: Dialect,
): { corrections: Map<string, Correction>; problems: Problem[] } {
  const bytes = Buffer.byteLength(JSON.stringify(requests));
  if (bytes > inlineBytes) {
    throw new BatchError('invalid_input', 'These are too many corrections for one call; nothing was sent.', {
      problems: [
        { field: 'requests', problem: `is ${bytes} bytes`, valid: `at most ${inlineBytes} bytes at a time` },
      ],
    });
  }
  const corrections = new Map<string, Correction>();
  const problems: Problem[] = [];
  const parseTask = createTaskParser(dialect);
  const ids = createIdList('requests');
  for (const [index, value] of requests.entries()) {
    const place = placeName('requests', index + 1);
    const id = givenId(value);
    const duplicate = id && ids.note(index + 1, id);
    const halves = findHalfCharacters(value).map((problem) => ({
      ...problem,
      item: itemName(place, id?.value),
    }));
    const parsed = parseTask(withTextIds(itemOf(value)), place);
    if (duplicate) problems.push(duplicate);
    if (halves.length > 0) problems.push(...halves);
    else if (parsed.ok) corrections.set(parsed.task.task_id, { place, task: parsed.task });
    else problems.push(...parsed.problems);
  }
  return { corrections, problems };
}

/** A task that is named, but is none of the batch's. */
export function unknownTask(field: string, id: string): Problem {
  return { field, problem: `${quoteName(id)} is no task of this batch`, valid: 'ids as they were submitted' };
}
