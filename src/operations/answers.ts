import type { Answer } from '../answers/answer.ts';
import { chunksOf } from '../answers/view/passes.ts';
import { openView, type View } from '../answers/view/view.ts';
import { BatchError } from '../errors.ts';
import { type Mark, underOwnId } from '../lib/mark.ts';
import type { Context } from '../state/context.ts';
import { marksOf } from '../state/parts.ts';
import { findBatch, requireRecord } from './find-batch.ts';

/**
 * Streams every answer of a batch, whole and in the order of its tasks; those whose results are not saved yet are
 * `pending`. Throws `invalid_input` where the id names no batch.
 */
export async function* answersOf(context: Context, id: string): AsyncGenerator<Answer> {
  const { view } = await viewOf(context, id);
  for (const ordinals of chunksOf(view)) yield* await view.answers(ordinals);
}

/** A result as the API's own line; null where the API gave none. */
export type ResultLine = { task_id: string; line: string | null };

/** The same results as the API's own lines, under the requests' own ids. */
export async function* linesOf(context: Context, id: string): AsyncGenerator<ResultLine> {
  const { view, marks } = await viewOf(context, id);
  for (const ordinals of chunksOf(view)) {
    const [answers, lines] = await Promise.all([view.answers(ordinals), view.lines(ordinals)]);
    for (const [index, { task_id, details }] of answers.entries()) {
      const line = lines[index]?.toString('utf8') ?? null;
      yield { task_id, line: line && underOwnId(line, details?.custom_id ?? task_id, marks) };
    }
  }
}

async function viewOf(context: Context, id: string): Promise<{ view: View; marks: Mark[] }> {
  const { batch_id: batchId } = await findBatch(context, id);
  const record = await requireRecord(context, batchId);
  if (record.adopted && record.parts.length === 0) {
    throw new BatchError(
      'wrong_state',
      `The tasks of ${batchId} are known from its results: wait for its end first.`,
    );
  }
  return { view: await openView(context, record), marks: marksOf(record) };
}
