import { createHash } from 'node:crypto';
import path from 'node:path';
import { BatchError } from '../errors.ts';
import { makeFolder, writeFileDurably } from '../lib/durable-write.ts';
import { fileFailure } from '../lib/file-failure.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, Outcome } from '../store/record.ts';
import type { Answer, AnswerDetails } from './answer.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { openView, type View } from './view.ts';

export type PageRequest = {
  outcomes?: readonly (Outcome | 'pending')[] | undefined;
  task_ids?: readonly string[] | undefined;
  limit: number;
  cursor?: string | undefined;
  /** With model, usage, custom_id and attempt. */
  full: boolean;
};

/** An answer as a reply gives it: one that is too long for it is cut, and whole in a file, unless read-only. */
export type ShownAnswer = Omit<Answer, 'details'> &
  Partial<AnswerDetails> & { cut?: { characters: number; shown: number; file: string | null } };

export type Page = { results: ShownAnswer[]; next_cursor: string | null };

/** The longest answer that a reply holds whole, and what is shown of a longer one, in characters of JSON. */
const LONGEST_ANSWER = 8_000;
const SHOWN_OF_LONGER = 4_000;
const LONGEST_ERROR_MESSAGE = 1_000;

const READ_AT_ONCE = 17;

/** One page of answers in the caller's order, within `limit` and within `characters` of JSON. */
export async function readPage(
  context: Context,
  record: BatchRecord,
  request: PageRequest,
  characters: number,
): Promise<Page> {
  const view = await openView(context, record);
  const filters = JSON.stringify([request.outcomes ?? null, request.task_ids ?? null, request.full]);
  const of = `${record.batch_id}:${view.parts}:${createHash('sha256').update(filters).digest('hex').slice(0, 12)}`;
  const start = request.cursor === undefined ? 0 : readCursor(request.cursor, of);
  const wanted = request.task_ids && (await ordinalsOf(view, request.task_ids));
  const matches = (ordinal: number) =>
    (wanted === undefined || wanted.has(ordinal)) &&
    (request.outcomes === undefined || request.outcomes.includes(view.outcome(ordinal)));

  const results: ShownAnswer[] = [];
  let used = 0;
  for await (const { ordinal, answer } of matching(view, start, matches)) {
    const shown = await shownAnswer(context, record, ordinal, answer, request.full);
    used += JSON.stringify(shown).length;
    if (results.length >= request.limit || (results.length > 0 && used > characters)) {
      return { results, next_cursor: writeCursor(of, ordinal) };
    }
    results.push(shown);
  }
  return { results, next_cursor: null };
}

/** Answers from `start` on, some at a time: one by one each would cost an opening of files, all at once too much. */
async function* matching(view: View, start: number, matches: (ordinal: number) => boolean) {
  let ordinals: number[] = [];
  for (let ordinal = start; ordinal < view.count; ordinal += 1) {
    if (matches(ordinal)) ordinals.push(ordinal);
    if (ordinals.length < READ_AT_ONCE && ordinal < view.count - 1) continue;
    const answers = await view.answers(ordinals);
    for (const [position, answer] of answers.entries()) yield { ordinal: ordinals[position] ?? 0, answer };
    ordinals = [];
  }
}

/** Throws `invalid_input` for ids that the batch does not have. */
async function ordinalsOf(view: View, taskIds: readonly string[]): Promise<Set<number>> {
  const wanted = new Set(taskIds);
  const found = new Set<number>();
  let ordinal = 0;
  for await (const tasks of view.tasks()) {
    for (const { task_id } of tasks) {
      if (wanted.delete(task_id)) found.add(ordinal);
      ordinal += 1;
    }
  }
  if (wanted.size === 0) return found;
  throw new BatchError('invalid_input', `${wanted.size} of the task_ids are not in this batch.`, {
    problems: [...wanted].map((id) => ({
      field: 'task_ids',
      problem: `${JSON.stringify(id.slice(0, 64))} is no task of this batch`,
      valid: 'ids as they were submitted',
    })),
  });
}

/** Puts a whole answer into a file of its own; gives its path. */
async function keepWhole(context: Context, batchId: string, ordinal: number, text: string): Promise<string> {
  const file = path.join(context.answersFolder, batchId, `${String(ordinal).padStart(6, '0')}.txt`);
  try {
    await makeFolder(path.dirname(file));
    await writeFileDurably(file, text);
  } catch (error) {
    throw fileFailure(`write ${JSON.stringify(file)}`, error);
  }
  return file;
}

async function shownAnswer(
  context: Context,
  record: BatchRecord,
  ordinal: number,
  { details, ...answer }: Answer,
  full: boolean,
): Promise<ShownAnswer> {
  const extra = full ? details : {};
  const error = answer.error && {
    ...answer.error,
    message: fitting(answer.error.message, LONGEST_ERROR_MESSAGE),
  };
  const { json, tool_calls, text, ...rest } = { ...answer, ...(error && { error }) };
  if (JSON.stringify({ json, tool_calls, text }).length <= LONGEST_ANSWER) {
    return { ...answer, ...(error && { error }), ...extra };
  }
  const body = json === undefined ? (text ?? '') : JSON.stringify(json);
  const whole = body + (tool_calls === undefined ? '' : JSON.stringify(tool_calls));
  const file = context.readOnly ? null : await keepWhole(context, record.batch_id, ordinal, whole);
  const shown = fitting(whole, SHOWN_OF_LONGER);
  return { ...rest, text: shown, ...extra, cut: { characters: whole.length, shown: shown.length, file } };
}

/** The longest beginning of a text that takes up no more than this as JSON, where escapes count too. */
function fitting(text: string, characters: number): string {
  let shown = text.slice(0, characters).toWellFormed();
  for (let size = jsonLength(shown); size > characters; size = jsonLength(shown)) {
    shown = shown.slice(0, Math.floor((shown.length * characters) / size)).toWellFormed();
  }
  return shown;
}

const jsonLength = (text: string) => JSON.stringify(text).length - 2;
