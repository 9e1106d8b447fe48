import * as z from 'zod';
import { outcomes } from '../../store/saved-results.ts';
import { MOST_PACKED } from '../../tasks/packing/packer.ts';
import { taskSettings } from '../../tasks/task.ts';
import { fileArgument } from '../file-argument.ts';

/** Only describes a task: it is checked where tasks are read, from a call or a file. */
const taskShape = {
  type: 'object',
  description:
    '{task_id, task_type, input_data}, {task_id, prompt} or a prompt alone, each with optional model_tier, model, effort, max_tokens, system, ' +
    'output_schema; or native {custom_id, params}',
};

const answerOutcomes: readonly string[] = [...outcomes, 'failed'];
/** The values of `outcomeFilter` without its enum, which tools/list has room for only once. */
const answerOutcome = z.string().refine((name) => answerOutcomes.includes(name), {
  error: `one of ${answerOutcomes.join(', ')}`,
});

export const AUTO = 'auto';

/** Clients write numbers as texts where both are accepted. Null for what is not a size. */
export function packSize(pack: number | string): number | null {
  const size = typeof pack === 'string' && /^\d{1,6}$/.test(pack) ? Number(pack) : pack;
  const isSize = typeof size === 'number' && Number.isInteger(size) && size >= 1 && size <= MOST_PACKED;
  return isSize ? size : null;
}

/** The arguments that describe work, the same for every operation that takes work. */
export const workFields = {
  requests: z.array(z.unknown()).meta({ items: taskShape }).optional().describe('Tasks inline, at most 4 MB'),
  requests_file: fileArgument.optional().describe('.json (array) or .jsonl file of tasks'),
  rows_file: fileArgument
    .optional()
    .describe('Table, a task per row: .csv, .tsv, .json, .jsonl, .txt. Columns fill {{column}}'),
  id_column: z.string().min(1).optional().describe('Column of rows_file with the ids; else row_1, …'),
  join_file: fileArgument.optional().describe('Table joined by id_column'),
  input_files: z
    .array(fileArgument)
    .nonempty()
    .optional()
    .describe(
      'Paths, globs (! excludes), a task per file (text, PDF, image): {{text}}, {{path}}, {{dir}}, {{stem}}, {{ext}}',
    ),
  from_batch: z
    .string()
    .optional()
    .describe("Batch, a task per finished answer: {{text}}, {{json.key}}, its row's columns"),
  outcomes: z.array(answerOutcome).optional().describe('Others of it'),
  split_chars: z.int().positive().optional().describe('Cuts longer input_files at line ends'),
  task_type: taskSettings.task_type.describe(
    'For tasks that set none: analyze_logs (input_data.logs), generate_report (data), classify_bulk (items, labels), ' +
      'generate_docs (code), generate_tests (code), or a name of your own',
  ),
  prompt: taskSettings.prompt.describe('Shared prompt; {{key}} is filled from input_data, row or file'),
  input_data: taskSettings.input_data.describe('Fields shared by all tasks'),
  system: taskSettings.system.describe("In place of the task type's"),
  model_tier: taskSettings.model_tier.describe('Default capable'),
  model: taskSettings.model.describe('Exact model id; wins over the tier'),
  effort: taskSettings.effort.describe("Default low for labels, else the model's own"),
  max_tokens: taskSettings.max_tokens,
  output_schema: taskSettings.output_schema.describe('JSON Schema of the answer: results come as json'),
  labels: z
    .union([z.array(z.string()), fileArgument])
    .optional()
    .describe('A list, or its path: each answer is {label}, one of them'),
  expect: z
    .record(z.string().min(1), z.string().min(1))
    .optional()
    .describe('{"label": "category"}: answer key, right column'),
  context_files: z.array(fileArgument).nonempty().optional().describe('Documents before every task'),
  primer: z.boolean().optional().describe('First request alone, to cache context_files for the rest'),
  merge: z
    .union([z.number(), z.string()])
    .refine((merge) => typeof merge === 'string' || (Number.isSafeInteger(merge) && merge >= 2), {
      error: 'a whole number, at least 2, or a column',
    })
    .optional()
    .describe('n items make one ({{items}}) until one is left; or a column'),
  pack: z
    .union([z.number(), z.string()])
    .refine((pack) => pack === AUTO || packSize(pack) !== null, {
      error: `a whole number from 1 to ${MOST_PACKED}, or "${AUTO}"`,
    })
    .optional()
    .describe('n rows a request; or auto'),
  max_tasks: z.int().positive().optional().describe('A pilot: n tasks, spread over the work'),
  variants: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('{"A": {prompt, model, …}, "B": {…}}: each task under each, as id@A'),
};

/** The schema of kept work. */
export const workArguments = z.strictObject(workFields);
