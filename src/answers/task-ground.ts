import { BatchError } from '../errors.ts';
import { cellText, numberIn } from '../lib/cell-text.ts';
import { ExactNumber, parseExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import { ownValue } from '../lib/names.ts';
import type { Ground } from '../lib/schema/schema-keywords.ts';
import type { Dialect } from '../provider/dialect.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Blobs } from '../store/store.ts';
import type { TaskEntry } from '../store/task-entry.ts';
import { openTasks } from '../store/task-list.ts';
import { openSentRequests } from '../tasks/sources/sent/sent-requests.ts';

/** Gives the input that a task's answer may be compared with, by its ordinal. Reads it from disk each time. */
type Grounds = (ordinal: number) => Promise<Ground>;

/** Opens the inputs of a batch's tasks: rows as stored, texts of files as sent. */
export async function openGrounds(
  blobs: Blobs,
  record: Pick<BatchRecord, 'request_count' | 'parts'>,
  dialect: Dialect,
): Promise<Grounds> {
  const tasks = await openTasks(blobs, record.request_count);
  const sent = await openSentRequests(blobs, record, dialect);

  const isRetried = record.parts.some((part) => part.tasks === 'listed');

  /**
   * What was sent for a task: its prompt, or its own part of a shared request. Null if that is gone, which must not cost
   * an answer.
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
    // A corrected task's answer can only quote the new prompt.
    if (corrected) return prompt === null ? null : [prompt];
    if (kept !== undefined && text_at === undefined) return values;
    const [start, length, of] = text_at ?? [0, 0];
    if (start === undefined || length === undefined || prompt === null) return null;
    // A prompt that is all of the input, or a new one from a retry, counts as a whole.
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
        return isJsonObject(row) ? numberIn(ownValue(row, column)) : null;
      },
    };
  };
}

/** No quote contains it, so none can run from one value into the next. */
const BETWEEN = '\u0000';

/** Ignores white space and the composition of characters. */
const squeezed = (text: string) => text.normalize().replaceAll(/\s+/g, '');

/** All texts and numbers within a value. */
function leavesOf(value: unknown): string[] {
  if (value instanceof ExactNumber) return [value.source];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  if (isJsonObject(value)) return Object.values(value).flatMap(leavesOf);
  return value === null || value === undefined ? [] : [cellText(value)];
}
