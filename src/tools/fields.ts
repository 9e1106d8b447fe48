import * as z from 'zod';
import { BatchError, type Problem } from '../errors.ts';
import { processingStatuses } from '../state/status.ts';
import { outcomes } from '../store/record.ts';
import type { TaskDefaults } from '../tasks/task.ts';
import { taskSettings } from '../tasks/task.ts';
import type { Work } from '../tasks/work.ts';

/** Fields that several tools take or give. */

export const batchId = z.string().describe('batch_… from submit_batch; msgbatch_… works too');

/** How a task looks is checked where tasks are read, from a call and from a file alike; here it is only told. */
const taskShape = {
  type: 'object',
  description:
    '{task_id, task_type, input_data} or {task_id, prompt}, each with optional model_tier, model, max_tokens, system, ' +
    'output_schema; or native {custom_id, params} as in the Messages API',
};

export const workFields = {
  requests: z
    .array(z.unknown())
    .meta({ items: taskShape })
    .optional()
    .describe('Tasks inline, at most 4 MB. This or requests_file'),
  requests_file: z.string().min(1).optional().describe('Path of a .json (array) or .jsonl file of tasks'),
  task_type: taskSettings.task_type.describe(
    'For tasks that set none: analyze_logs (input_data.logs), generate_report (data), classify_bulk (items, labels), ' +
      'generate_docs (code), generate_tests (code), or a name of your own over its raw input_data',
  ),
  prompt: taskSettings.prompt.describe("Shared prompt; {{key}} is filled from each task's input_data"),
  input_data: taskSettings.input_data.describe('Fields shared by all tasks'),
  system: taskSettings.system.describe("System prompt, in place of the task type's"),
  model_tier: taskSettings.model_tier.describe('Default capable'),
  model: taskSettings.model.describe('Exact model id; wins over the tier'),
  max_tokens: taskSettings.max_tokens,
  output_schema: taskSettings.output_schema.describe('JSON Schema of the answer: results come as json'),
  max_tasks: z.int().positive().optional().describe('Only the first n tasks: a pilot'),
};

type WorkArguments = TaskDefaults & {
  requests?: unknown[] | undefined;
  requests_file?: string | undefined;
  max_tasks?: number | undefined;
};

const ONE_SOURCE = 'exactly one of requests, requests_file';

/** The work that a call's arguments describe. Throws `invalid_input` unless there is exactly one source. */
export function toWork(args: WorkArguments, inlineBytes: number): Work {
  const { requests, requests_file, max_tasks, ...rest } = args;
  const { task_type, prompt, input_data, system, model_tier, model, max_tokens, output_schema } = rest;
  const defaults = { task_type, prompt, input_data, system, model_tier, model, max_tokens, output_schema };
  if (requests !== undefined && requests_file !== undefined) {
    throw invalid({ field: 'requests', problem: 'is given together with requests_file', valid: ONE_SOURCE });
  }
  if (requests_file !== undefined)
    return { source: { kind: 'requests_file', path: requests_file }, defaults, max_tasks };
  if (requests === undefined)
    throw invalid({ field: 'requests', problem: 'is missing: there is no work', valid: ONE_SOURCE });
  const bytes = Buffer.byteLength(JSON.stringify(requests));
  if (bytes > inlineBytes) {
    throw invalid({
      field: 'requests',
      problem: `is ${bytes} bytes`,
      valid: `at most ${inlineBytes} bytes inline; write the tasks to a .jsonl file and give it as requests_file`,
    });
  }
  return { source: { kind: 'requests', items: requests }, defaults, max_tasks };
}

function invalid(problem: Problem): BatchError {
  return new BatchError('invalid_input', 'The work is not given rightly; nothing was sent.', {
    problems: [problem],
  });
}

const usd = z.number();
export const costUsd = z
  .looseObject({ expected: usd, maximum: usd, actual: usd.nullable(), basis: z.string() })
  .nullable();

const outcomeName = z.enum([...outcomes, 'pending']);
export const outcomeFilter = z
  .array(z.enum([...outcomeName.options, 'failed']))
  .nonempty()
  .optional()
  .describe('failed = all but succeeded');

export const processingStatus = z.enum(processingStatuses);

/** What `batch_status` and its like give; open, for programs branch on these and a reader sees the rest. */
export const batchOutput = z.looseObject({
  batch_id: z.string(),
  provider: z.string(),
  processing_status: processingStatus,
  request_count: z.number().optional(),
  cost_usd: costUsd.optional(),
  check_again_in_seconds: z.number(),
  warnings: z.array(z.string()),
  next_step: z.string(),
});
