import * as z from 'zod';
import { BatchError, type Problem } from '../errors.ts';
import { type TaskDefaults, taskSettings } from '../tasks/task.ts';
import type { Work } from '../tasks/work.ts';

/** How a task looks is checked where tasks are read, from a call and from a file alike; here it is only told. */
const taskShape = {
  type: 'object',
  description:
    '{task_id, task_type, input_data} or {task_id, prompt}, each with optional model_tier, model, max_tokens, system, ' +
    'output_schema; or native {custom_id, params} as in the Messages API',
};

/** The arguments that describe work, the same wherever work is taken. */
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

export type WorkArguments = TaskDefaults & {
  requests?: unknown[] | undefined;
  requests_file?: string | undefined;
  max_tasks?: number | undefined;
};

const ONE_SOURCE = 'exactly one of requests, requests_file';

/** Whether a call brings tasks at all. */
export function hasTasks({ requests, requests_file }: WorkArguments): boolean {
  return requests !== undefined || requests_file !== undefined;
}

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
  const bytes = Number.isFinite(inlineBytes) ? Buffer.byteLength(JSON.stringify(requests)) : 0;
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
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [problem],
  });
}
