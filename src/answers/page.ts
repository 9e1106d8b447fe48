import { createHash } from 'node:crypto';
import { BatchError } from '../errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, Outcome } from '../store/record.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { createKeeper, type ShownAnswer, shownAnswer } from './shown-answer.ts';
import { openView, type View } from './view.ts';

export type PageRequest = {
  /** Where none are named, all but `pending`: what is still out is counted, not listed. */
  outcomes?: readonly (Outcome | 'pending')[] | undefined;
  task_ids?: readonly string[] | undefined;
  limit: number;
  cursor?: string | undefined;
  /** With model, usage, custom_id and attempt. */
  full: boolean;
};

export type Page = { results: ShownAnswer[]; next_cursor: string | null };

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
    (request.outcomes === undefined
      ? view.outcome(ordinal) !== 'pending'
      : request.outcomes.includes(view.outcome(ordinal)));

  const toldOnce = createCauses();
  const results: ShownAnswer[] = [];
  let used = 0;
  for await (const { ordinal, answer } of matching(view, start, matches)) {
    const keep = createKeeper(context, record.batch_id, ordinal);
    const shown = toldOnce(await shownAnswer(answer, request.full, keep));
    used += stringifyExact(shown).length;
    if (results.length >= request.limit || (results.length > 0 && used > characters)) {
      return { results, next_cursor: writeCursor(of, ordinal) };
    }
    results.push(shown);
  }
  return { results, next_cursor: null };
}

/** Leaves out a message that an answer before it on the page has said. */
function createCauses() {
  const told = new Set<string>();
  return (shown: ShownAnswer): ShownAnswer => {
    if (shown.error === undefined) return shown;
    const { message, ...error } = shown.error;
    const cause = `${error.type}\n${message}`;
    if (told.has(cause)) return { ...shown, error };
    told.add(cause);
    return shown;
  };
}

/** Answers from `start` on, some at a time: one by one each would cost an opening of files, all at once too much. */
async function* matching(view: View, start: number, matches: (ordinal: number) => boolean) {
  let ordinals: number[] = [];
  for (let ordinal = start; ordinal < view.count; ordinal += 1) {
    if (matches(ordinal)) ordinals.push(ordinal);
    if (ordinals.length < READ_AT_ONCE && ordinal < view.count - 1) continue;
    const answers = await view.answeredRows(ordinals);
    for (const [position, { answer }] of answers.entries())
      yield { ordinal: ordinals[position] ?? 0, answer };
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
