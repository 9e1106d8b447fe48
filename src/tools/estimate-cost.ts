import * as z from 'zod';
import { estimateFigures, estimateWork } from '../batches/estimate.ts';
import { BatchError } from '../errors.ts';
import { costUsd, toWork, workFields } from './fields.ts';
import { defineTool } from './tool.ts';

const figureNames = ['request_count', 'input_tokens_per_request', 'output_tokens_per_request'] as const;

export const estimateCost = defineTool({
  name: 'estimate_cost',
  title: 'Estimate the cost',
  description:
    'The dry run of submit_batch, with the very same work arguments: checks every task and says what it would cost in ' +
    'batch (half price) and at standard price, expected and at most, what other tiers would cost, and how the first ' +
    'request looks. Sends nothing, costs nothing. Or give request_count, input_tokens_per_request and ' +
    'output_tokens_per_request (with model or model_tier) for a calculation without tasks.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    ...workFields,
    request_count: z.int().positive().optional(),
    input_tokens_per_request: z.int().nonnegative().optional(),
    output_tokens_per_request: z.int().nonnegative().optional(),
  }),
  output: z.looseObject({
    request_count: z.number(),
    cost_usd: costUsd,
    standard_cost_usd: z.number(),
    savings_usd: z.number(),
    compare: z.array(z.looseObject({ model_tier: z.string(), model: z.string(), expected: z.number() })),
    preview: z.string().nullable(),
    prices_as_of: z.string(),
    warnings: z.array(z.string()),
    next_step: z.string(),
  }),
  async run({ request_count, input_tokens_per_request, output_tokens_per_request, ...work }, context) {
    const figures = { request_count, input_tokens_per_request, output_tokens_per_request };
    if (figureNames.every((name) => figures[name] === undefined)) {
      const estimate = await estimateWork(context, toWork(work, context.limits.inlineBytes));
      return {
        ...estimate,
        next_step: 'Call submit_batch with the same arguments to send it, if the cost is right for the user.',
      };
    }
    if (
      request_count === undefined ||
      input_tokens_per_request === undefined ||
      output_tokens_per_request === undefined
    ) {
      throw new BatchError('invalid_input', 'Some of the figures are missing.', {
        problems: figureNames
          .filter((name) => figures[name] === undefined)
          .map((field) => ({
            field,
            problem: 'is missing',
            valid: `a number; ${figureNames.join(', ')} go together`,
          })),
      });
    }
    if (work.requests !== undefined || work.requests_file !== undefined) {
      throw new BatchError('invalid_input', 'Tasks and figures exclude each other.', {
        problems: [
          {
            field: 'request_count',
            problem: 'is given together with tasks',
            valid: 'tasks, or the three figures',
          },
        ],
      });
    }
    const { model, model_tier } = work;
    const counted = { request_count, input_tokens_per_request, output_tokens_per_request, model, model_tier };
    return {
      ...estimateFigures(context, counted),
      next_step: 'Give the tasks themselves for a dry run that checks them.',
    };
  },
});
