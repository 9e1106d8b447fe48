import * as z from 'zod';
import { efforts } from '../provider/models.ts';
import { checkStored, parseStored } from './stored-json.ts';

const taskEntry = z.object({
  task_id: z.string(),
  /** Only where it differs from the task id. */
  custom_id: z.string().exactOptional(),
  /** The variant of the work's settings that it is asked under. */
  variant: z.string().exactOptional(),
  task_type: z.string().exactOptional(),
  model: z.string(),
  /** Present where it was not left to the model. */
  effort: z.enum(efforts).exactOptional(),
  /** Present where the answer is JSON. */
  structured: z.literal(true).exactOptional(),
  /** The hash of the schema that the answer is checked by. */
  schema: z.string().exactOptional(),
  expected_output_tokens: z.number().nonnegative().exactOptional(),
  /** The id of the request that it shares with other tasks, in which it stands under its own. */
  pack: z.string().exactOptional(),
  /** How long its answer may be by itself, where it shares a request. */
  max_tokens: z.int().positive().exactOptional(),
  /** The columns of its row, or the path of its file: as JSON, with every number as it was written. */
  row: z.string().exactOptional(),
  /** Where the text of its file stands in its prompt, and how long both are; empty where the file is not text. */
  text_at: z.array(z.number()).exactOptional(),
  /** The input of a task that was given by itself, where it is short: for another prompt over it. As `row`. */
  input: z.string().exactOptional(),
});

/** What is kept of a task beside its request. */
export type TaskEntry = z.infer<typeof taskEntry>;

const KEYS = new Set(Object.keys(taskEntry.shape));
const isAmount = (value: unknown) => typeof value === 'number' && value >= 0;

/**
 * Whether an entry is as the schema has it, so that parsing it would give an equal copy. It nearly always is, and a
 * hundred thousand copies take longer than the reading; what is not is parsed in full.
 */
function isPlainEntry(value: unknown): value is TaskEntry {
  if (typeof value !== 'object' || value === null || !('task_id' in value) || !('model' in value))
    return false;
  const { task_id, model } = value;
  return (
    typeof task_id === 'string' &&
    typeof model === 'string' &&
    (!('custom_id' in value) || typeof value.custom_id === 'string') &&
    (!('variant' in value) || typeof value.variant === 'string') &&
    (!('task_type' in value) || typeof value.task_type === 'string') &&
    (!('effort' in value) || efforts.some((each) => each === value.effort)) &&
    (!('structured' in value) || value.structured === true) &&
    (!('schema' in value) || typeof value.schema === 'string') &&
    (!('expected_output_tokens' in value) || isAmount(value.expected_output_tokens)) &&
    (!('pack' in value) || typeof value.pack === 'string') &&
    (!('max_tokens' in value) || isAmount(value.max_tokens)) &&
    (!('input' in value) || typeof value.input === 'string') &&
    (!('row' in value) || typeof value.row === 'string') &&
    !('text_at' in value) &&
    Object.keys(value).every((key) => KEYS.has(key))
  );
}

/** A task's line in tasks.jsonl. */
export const taskLine = (entry: TaskEntry): string => `${JSON.stringify(entry)}\n`;

function checkedEntry(place: string, json: unknown): TaskEntry {
  return isPlainEntry(json) ? json : checkStored(place, json, taskEntry);
}

/** The entry of one line of the tasks at `place`. Throws `store_damaged`. */
export function decodeEntry(place: string, line: Buffer): TaskEntry {
  return checkedEntry(place, parseStored(place, line.toString('utf8')));
}

/** The entries of whole lines, parsed as one list: a call for each of a hundred thousand takes twice as long. */
export function decodeEntries(place: string, lines: Buffer): TaskEntry[] {
  const list = parseStored(place, `[${lines.toString('utf8').trimEnd().replaceAll('\n', ',')}]`);
  return Array.isArray(list) ? list.map((entry: unknown) => checkedEntry(place, entry)) : [];
}
