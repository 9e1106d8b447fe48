import { stringifyExact } from '../../lib/exact-json.ts';
import type { RequestDialect } from '../../provider/dialect.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import type { RenderedTask } from '../render/rendered-task.ts';
import type { Task, TaskDefaults } from '../task.ts';

/** The form of an answer: the hash of its schema, and whether it has to quote its input. */
export type NotedSchema = { hash?: string; quotes: boolean };

/** Longer inputs are not kept: they would double the size of the stored work. */
const LONGEST_INPUT = 8_000;

/** The whole input is kept where answers are checked against it. */
function keptInput(task: Task, { input_data }: TaskDefaults, quotes: boolean): Pick<TaskEntry, 'input'> {
  if (task.kind !== 'task' || (task.input_data === undefined && input_data === undefined)) return {};
  const input = stringifyExact({ ...input_data, ...task.input_data });
  return input.length > LONGEST_INPUT && !quotes ? {} : { input };
}

/** The fields of a task that are kept beside its request. */
export function taskEntry(
  task: Task,
  requestId: string,
  rendered: RenderedTask,
  { hash, quotes }: NotedSchema,
  defaults: TaskDefaults,
): TaskEntry {
  return {
    task_id: task.task_id,
    ...(requestId !== task.task_id && { custom_id: requestId }),
    ...(rendered.variant !== undefined && { variant: rendered.variant }),
    ...(rendered.task_type !== undefined && { task_type: rendered.task_type }),
    model: rendered.model.id,
    ...(rendered.effort !== null && { effort: rendered.effort }),
    ...(hash !== undefined && { structured: true as const, schema: hash }),
    expected_output_tokens: rendered.expected_output_tokens,
    ...keptInput(task, defaults, quotes),
    ...(task.kind === 'row' && { row: stringifyExact(task.row.kept ?? task.row.cells) }),
  };
}

/** Keywords of our own: a text has to occur in its task's input, or be no longer than a column of its row says. */
export const IN_INPUT = 'x-in-input';
export const MAX_COLUMN = 'x-max-column';

/** Whether answers by a schema, as JSON, have to quote their input. */
export const asksForQuotes = (schema: string): boolean => schema.includes(`"${IN_INPUT}"`);

export const UNREAD_QUOTES = `${IN_INPUT} can't be checked in a PDF or an image: quotes from it are accepted unchecked`;

/**
 * The place of a file's text in its prompt, since it is kept nowhere else: its start, its length and the length of
 * the prompt, which reveals another prompt. Empty for a file other than text.
 */
export function quotableOf(
  task: Task,
  { params }: RenderedTask,
  requests: Pick<RequestDialect, 'prompt'>,
): Pick<TaskEntry, 'text_at'> {
  if (task.kind !== 'row') return {};
  const { text, attachment } = task.row;
  if (attachment !== undefined) return { text_at: [] };
  if (text === undefined) return {};
  const prompt = requests.prompt(params);
  const start = prompt.indexOf(text);
  // A text that a task type has changed is searched in the whole prompt.
  return { text_at: start === -1 ? [0, 0, -1] : [start, text.length, prompt.length] };
}
