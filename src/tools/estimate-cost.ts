import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { estimateFigures } from '../operations/estimate.ts';
import { estimateWithin } from '../operations/estimate-within.ts';
import { costUsd, toWork, workFields } from './fields.ts';
import { defineTool, waitingOf } from './tool.ts';

const figureNames = ['request_count', 'input_tokens_per_request', 'output_tokens_per_request'] as const;

export const estimateCost = defineTool({
  name: 'estimate_cost',
  title: 'Estimate the cost',
  description:
    'The dry run of submit_batch, with the very same work arguments: checks every task and says what it would cost in ' +
    'batch (half price) and at standard price, expected and at most, what other tiers would cost, and how the first ' +
    'request looks. Submits nothing, costs nothing; with a key the API counts a sample of the requests. Or give request_count, input_tokens_per_request and ' +
    'output_tokens_per_request (with model or model_tier) for a calculation without tasks.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  input: z.strictObject({
    ...workFields,
    request_count: z.int().positive().optional(),
    input_tokens_per_request: z.int().nonnegative().optional(),
    output_tokens_per_request: z
      .int()
      .nonnegative()
      .optional()
      .describe('Also with tasks, where it is known from a pilot'),
  }),
  output: z.looseObject({
    request_count: z.number(),
    cost_usd: costUsd,
    standard_cost_usd: z.number(),
    savings_usd: z.number(),
    compare: z.array(z.looseObject({ model_tier: z.string(), model: z.string(), expected: z.number() })),
    tokens: z.record(z.string(), z.number()),
    rests_on: z.string(),
    preview: z.string().nullable(),
    prices_as_of: z.string(),
    warnings: z.array(z.string()),
    next_step: z.string(),
  }),
  async run({ request_count, input_tokens_per_request, output_tokens_per_request, ...work }, context, call) {
    const { model, model_tier } = work;
    if (work.requests !== undefined || work.requests_file !== undefined) {
      if (request_count !== undefined || input_tokens_per_request !== undefined) throw figuresBesideTasks();
      const given = toWork(work, context.limits.inlineBytes);
      return {
        ...(await estimateWithin(context, given, output_tokens_per_request, waitingOf(call))),
        next_step: 'Call submit_batch with the same arguments to send it, if the cost is right for the user.',
      };
    }
    const figures = { request_count, input_tokens_per_request, output_tokens_per_request };
    // Nothing given at all: what is missing is the work.
    if (Object.values(figures).every((figure) => figure === undefined)) toWork(work, 0);
    if (
      request_count === undefined ||
      input_tokens_per_request === undefined ||
      output_tokens_per_request === undefined
    ) {
      throw missingFigures(figures);
    }
    const counted = { request_count, input_tokens_per_request, output_tokens_per_request, model, model_tier };
    return {
      ...estimateFigures(context, counted),
      next_step: 'Give the tasks themselves for a dry run that checks them.',
    };
  },
});

function missingFigures(figures: Record<(typeof figureNames)[number], number | undefined>): BatchError {
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
