import * as z from 'zod';
import { BatchError, renderError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { Waiting } from '../state/jobs.ts';
import { type Estimate, estimateFigures } from './estimate/estimate-figures.ts';
import { estimateWithin } from './estimate/estimate-within.ts';
import { costUsd } from './fields.ts';
import { type Arguments, defineOperation, type ReplyOf } from './operation.ts';
import { submit } from './submit.ts';
import { requireKey } from './work/answer-keys.ts';
import { givenAnswers } from './work/from-batch.ts';
import { findWork } from './work/kept-work.ts';
import { type OutputArguments, requestOutput, requireOneFile } from './work/requested-output.ts';
import { hasTasks, toWork, type WorkArguments } from './work/work-arguments.ts';
import { workFields } from './work/work-fields.ts';

const input = z.strictObject({
  ...workFields,
  request_count: z.int().positive().optional(),
  input_tokens_per_request: z.int().nonnegative().optional(),
  output_tokens_per_request: z
    .int()
    .nonnegative()
    .optional()
    .describe('Also with tasks, where it is known from a pilot'),
});

const output = z.looseObject({
  work_id: z.string().optional(),
  request_count: z.number(),
  cost_usd: costUsd,
  standard_cost_usd: z.number(),
  savings_usd: z.number(),
  compare: z.array(z.looseObject({ model_tier: z.string(), model: z.string(), expected: z.number() })),
  tokens: z.record(z.string(), z.number()),
  rests_on: z.string(),
  preview: z.string().nullable(),
  prices_as_of: z.string(),
});

function nextStep({ preview, work_id, above_limit }: Estimate): string {
  if (preview === null) return 'Give the tasks themselves for a dry run that checks them.';
  if (above_limit)
    return 'submit_batch would refuse it, as warnings say. Make it smaller (a cheaper model_tier, as in compare; a lower max_tokens; max_tasks for fewer tasks), or ask the person.';
  const what = work_id === undefined ? 'the same arguments' : `work_id ${work_id}`;
  return `Call submit_batch with ${what} to send it, if the cost is right for the user.`;
}

/** The dry run of a submission; or a calculation from figures, where there are no tasks yet. */
export const estimate = defineOperation({
  name: 'estimate',
  input,
  output,
  run: (context, args, waiting): Promise<Estimate> => estimateGiven(context, args, waiting),
  nextStep,
});

/**
 * The same with all arguments of a submission, so that one command line serves for both; only those that change the
 * cost count.
 */
export const estimateSubmission = defineOperation({
  name: 'estimate',
  input: z.strictObject({ ...submit.input.shape, ...input.shape }),
  output,
  async run(context, args, waiting): Promise<Estimate> {
    const { work_id, force_new = false, output_file, output_pattern, output_key, ...others } = args;
    const { name: _name, max_cost_usd: _limit, retries: _retries, ...unsent } = others;
    const { sandbox: _sandbox, idempotency_key: _key, output_tokens_per_request, ...given } = unsent;
    const work = work_id === undefined ? given : (await findWork(context, work_id, given)).args;
    return estimateGiven(context, { ...work, output_tokens_per_request }, waiting, {
      forceNew: force_new,
      outputs: { output_file, output_pattern, output_key },
    });
  },
  nextStep,
});

/** The arguments of a submission besides the work. */
type Sending = { forceNew: boolean; outputs: OutputArguments };

async function estimateGiven(
  context: Context,
  args: Arguments<typeof estimate>,
  waiting: Waiting,
  { forceNew, outputs }: Sending = { forceNew: false, outputs: {} },
): Promise<Estimate> {
  const { request_count, input_tokens_per_request, output_tokens_per_request, ...work } = args;
  const figures = { request_count, input_tokens_per_request, output_tokens_per_request };
  const isCalculation = Object.values(figures).some((figure) => figure !== undefined);
  if (!hasTasks(work) && isCalculation) return calculate(context, figures, work);
  if (request_count !== undefined || input_tokens_per_request !== undefined) throw figuresBesideTasks();
  const given = await toWork(work, context, (earlier) => givenAnswers(context, earlier));
  requireOneFile(given, outputs);
  requireKey(given, outputs.output_key);
  const { answerFiles, problem } = await requestOutput(context, outputs, given.source.kind);
  const asked = { args: work, work: { ...given, output_places: answerFiles?.places }, forceNew };
  const estimated = await estimateWithin(context, asked, output_tokens_per_request, waiting);
  if (problem === null) return estimated;
  const refused = `submit_batch would refuse it. ${renderError(problem).replaceAll('\n', ' ')}`;
  return { ...estimated, warnings: [refused, ...estimated.warnings] };
}

export type EstimateReply = ReplyOf<typeof estimate>;

const figureNames = ['request_count', 'input_tokens_per_request', 'output_tokens_per_request'] as const;

type GivenFigures = Record<(typeof figureNames)[number], number | undefined>;

function calculate(
  context: Pick<Context, 'catalog' | 'now'>,
  figures: GivenFigures,
  { model, model_tier }: WorkArguments,
): Estimate {
  const { request_count, input_tokens_per_request, output_tokens_per_request } = figures;
  if (
    request_count === undefined ||
    input_tokens_per_request === undefined ||
    output_tokens_per_request === undefined
  ) {
    throw missingFigures(figures);
  }
  const complete = { request_count, input_tokens_per_request, output_tokens_per_request };
  return estimateFigures(context, { ...complete, model, model_tier });
}

function missingFigures(figures: GivenFigures): BatchError {
  const missing = figureNames.filter((name) => figures[name] === undefined);
  const valid = `a number; ${figureNames.join(', ')} go together`;
  return new BatchError('invalid_input', 'Some of the figures are missing.', {
    problems: missing.map((field) => ({ field, problem: 'is missing', valid })),
  });
}

function figuresBesideTasks(): BatchError {
  return new BatchError('invalid_input', 'Tasks and figures exclude each other.', {
    problems: [
      {
        field: 'request_count',
        problem: 'is given together with tasks',
        valid: 'tasks (with output_tokens_per_request, if you know it), or the three figures',
      },
    ],
  });
}
