import * as z from 'zod';
import type { Problem } from '../../errors.ts';
import { findHalfCharacters } from '../../lib/half-characters.ts';
import { quoteName } from '../../lib/nearest.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { batchIds } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import { outcomes } from '../../store/saved-results.ts';
import { checkSharedModel } from '../../tasks/render/choose.ts';
import { taskSettings } from '../../tasks/task.ts';
import { batchId } from '../fields.ts';
import { fileArgument } from '../file-argument.ts';

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
  requests_file: fileArgument.optional().describe('The same in a .json or .jsonl file'),
  prompt: taskSettings.prompt.describe('New prompt for rows and input_data'),
  system: taskSettings.system,
  output_schema: taskSettings.output_schema,
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
  replace: z.boolean().optional().describe('Finished answers too: pays again'),
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

/** Whether the options choose or change what is sent, rather than just continue. */
export function changesSomething(options: RetryOptions): boolean {
  const { max_cost_usd: _limit, dry_run: _dry, resolve: _resolve, ...rest } = options;
  return Object.values(rest).some((value) => value !== undefined);
}

/** Whether tasks are chosen among those that were sent. */
export const hasFilters = ({ outcomes, error_types, task_ids }: RetryOptions): boolean =>
  [outcomes, error_types, task_ids].some((filter) => filter !== undefined);

/** Whether corrected tasks are given. */
export const hasCorrections = ({ requests, requests_file }: RetryOptions): boolean =>
  requests !== undefined || requests_file !== undefined;

/** What is wrong with the options, whatever the batch. */
export function checkRetryOptions(
  options: RetryOptions,
  catalog: ModelCatalog,
  { requests }: Dialect,
): Problem[] {
  const needed = (options.remove_params ?? []).filter((name) => requests.required.includes(name));
  return [
    ...checkSharedModel({ model: options.model }, catalog),
    ...(options.output_schema ? requests.prepareSchema(options.output_schema).problems : []),
    ...findHalfCharacters({
      prompt: options.prompt,
      system: options.system,
      output_schema: options.output_schema,
    }),
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

/** The problem of an id that is not a task of the batch. */
export function unknownTask(field: string, id: string): Problem {
  return {
    field,
    problem: `${quoteName(id)} is not a task of this batch`,
    valid: 'ids as they were submitted',
  };
}
