import { BatchError } from '../errors.ts';
import { cellText, numberIn } from '../lib/cell-text.ts';
import { ExactNumber, parseExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import type { Ground } from '../lib/json-schema.ts';
import type { Dialect } from '../provider/dialect.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Blobs } from '../store/store.ts';
import type { TaskEntry } from '../store/task-entry.ts';
import { openTasks } from '../store/task-list.ts';
import { openSentRequests } from '../tasks/sources/sent/sent-requests.ts';

/** Of a task of a batch, by its ordinal: what its answer may be held against. Reads it back, and holds none of it. */
export type Grounds = (ordinal: number) => Promise<Ground>;

/** Opens the inputs of a batch's tasks: rows as they are kept, texts of files as they were sent. */
export async function openGrounds(
  blobs: Blobs,
  record: Pick<BatchRecord, 'request_count' | 'parts'>,
  dialect: Dialect,
): Promise<Grounds> {
  const tasks = await openTasks(blobs, record.request_count);
  const sent = await openSentRequests(blobs, record, dialect);

  const isRetried = record.parts.some((part) => part.tasks === 'listed');

  /**
   * What was sent of a task: its prompt, or what was its own in a request that it shared. Null where that is no longer there:
   * an answer is never lost for that.
   */
  async function promptOf(
    ordinal: number,
    own: string,
  ): Promise<{ prompt: string | null; corrected: boolean }> {
    try {
      for await (const { id, params, corrected } of sent([ordinal])) {
        if (id === own) return { prompt: dialect.requests.prompt(params), corrected };
        const row = dialect.requests.rowsOf(params).find((each) => each.id === own);
        return { prompt: row?.text ?? null, corrected };
      }
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
    }
    return { prompt: null, corrected: false };
  }

  async function textOf(ordinal: number, entry: TaskEntry): Promise<string[] | null> {
    const { row, input, text_at } = entry;
    const kept = row ?? input;
    const values = kept === undefined ? [] : leavesOf(parseExact(kept).value);
    if (!isRetried && kept !== undefined && text_at === undefined) return values;
    const { prompt, corrected } = await promptOf(ordinal, entry.custom_id ?? entry.task_id);
    // What it was given anew is all that its answer can quote.
    if (corrected) return prompt === null ? null : [prompt];
    if (kept !== undefined && text_at === undefined) return values;
    const [start, length, of] = text_at ?? [0, 0];
    if (start === undefined || length === undefined || prompt === null) return null;
    // One that is all of its task's input, or was sent again under another prompt, counts as a whole.
    return [...values, prompt.length === of ? prompt.slice(start, start + length) : prompt];
  }

  return async (ordinal) => {
    const [entry] = await tasks.read([ordinal]);
    const texts = entry === undefined ? null : await textOf(ordinal, entry);
    const input = texts?.map(squeezed).join(BETWEEN) ?? null;
    const kept = entry?.row ?? entry?.input;
    const row = kept === undefined ? {} : parseExact(kept).value;
    return {
      holds: (text) => input === null || input.includes(squeezed(text)),
      limit(column) {
        return isJsonObject(row) && Object.hasOwn(row, column) ? numberIn(row[column]) : null;
      },
    };
  };
}

/** No quote has one, nor runs from one value into the next. */
const BETWEEN = '\u0000';

/** White space aside, and however its characters are composed. */
const squeezed = (text: string) => text.normalize().replaceAll(/\s+/g, '');

/** All texts and numbers within a value. */
function leavesOf(value: unknown): string[] {
  if (value instanceof ExactNumber) return [value.source];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  if (isJsonObject(value)) return Object.values(value).flatMap(leavesOf);
  return value === null || value === undefined ? [] : [cellText(value)];
}
