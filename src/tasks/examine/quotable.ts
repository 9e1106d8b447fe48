import type { RequestDialect } from '../../provider/dialect.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import type { RenderedTask } from '../render/rendered-task.ts';
import type { Task } from '../task.ts';

/** Keywords of ours: a text has to stand in its task's input, or be no longer than a column of its row says. */
export const IN_INPUT = 'x-in-input';
export const MAX_COLUMN = 'x-max-column';

/** Whether answers by a schema, as JSON, have to quote their input. */
export const asksForQuotes = (schema: string): boolean => schema.includes(`"${IN_INPUT}"`);

export const UNREAD_QUOTES = `${IN_INPUT} can't be checked in a PDF or an image: what an answer quotes from it is taken as it is`;

/**
 * Where the text of a task's file stands in its prompt, for it is kept nowhere else: its start, its length and the prompt's, by
 * which another prompt is told. Empty for a file that is no text.
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
  // What a task type has changed of it is looked for in all of the prompt.
  return { text_at: start === -1 ? [0, 0, -1] : [start, text.length, prompt.length] };
}
