import type { Answer } from '../answers/answer.ts';
import { openView, type View } from '../answers/view.ts';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import { findBatch, requireRecord } from './find-batch.ts';

/** Answers read at a time: in memory only as long as they are worked on. */
const CHUNK = 100;

/**
 * Every answer of a batch, whole and in the order of its tasks, as far as its results are saved: `pending` where they are not.
 * Holds none of them. Throws `invalid_input` for what is no batch's id.
 */
export async function* answersOf(context: Context, id: string): AsyncGenerator<Answer> {
  for await (const { view, ordinals } of chunksOf(context, id)) yield* await view.answers(ordinals);
}

/** A result as a line of the API's own; null where the API gave none. */
export type ResultLine = { task_id: string; line: string | null };

/** The same as the API gave them. */
export async function* linesOf(context: Context, id: string): AsyncGenerator<ResultLine> {
  for await (const { view, ordinals } of chunksOf(context, id)) {
    const answers = await view.answers(ordinals);
    for (const [index, ordinal] of ordinals.entries()) {
      yield { task_id: answers[index]?.task_id ?? '', line: await view.line(ordinal) };
    }
  }
}

async function* chunksOf(context: Context, id: string): AsyncGenerator<{ view: View; ordinals: number[] }> {
  const view = await viewOf(context, id);
  try {
    for (let start = 0; start < view.count; start += CHUNK) {
      const length = Math.min(CHUNK, view.count - start);
      yield { view, ordinals: Array.from({ length }, (_, index) => start + index) };
    }
  } finally {
    await view.close();
  }
}

async function viewOf(context: Context, id: string): Promise<View> {
  const { batch_id: batchId } = await findBatch(context, id);
  const record = await requireRecord(context, batchId);
  if (record.adopted && record.parts.length === 0) {
    throw new BatchError(
      'wrong_state',
      `Which tasks ${batchId} has is told by its results: wait for its end first.`,
    );
  }
  return openView(context, record);
}
