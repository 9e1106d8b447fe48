import type { Context } from '../../state/context.ts';
import { nextWaiting } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { stageTaskId } from '../../tasks/sources/merged-source.ts';
import { hasAllAnswers } from './earlier-answers.ts';

/**
 * A batch whose answers are merged again: a part for each stage above the first, which waits for the one below, and the
 * file that was asked for holding what is left at last.
 */
export function withStages(record: BatchRecord, stages: readonly number[]): BatchRecord {
  if (stages.length === 0) return record;
  const parts: Part[] = [...record.parts];
  let first_task = 0;
  for (const [index, request_count] of stages.entries()) {
    if (index > 0) {
      const nothing = { body_bytes: 0, body_sha256: '', tasks: 'run' as const };
      const progress = { state: 'waiting' as const, by: null };
      parts.push({ number: parts.length + 1, attempt: 1, request_count, first_task, ...nothing, progress });
    }
    first_task += request_count;
  }
  const filters = JSON.stringify({ task_ids: [lastTask(stages)] });
  const outputs = record.outputs.map((output) => ({ ...output, filters }));
  return { ...record, merge: { stages: [...stages] }, parts, outputs };
}

/** The task whose answer is what is left. */
export const lastTask = (stages: readonly number[]): string => stageTaskId(stages.length, 1);

/** Whether nobody alive is about to make the tasks of a part that waits. */
export function isFreeToMake({ store }: Pick<Context, 'store'>, { progress }: Part): boolean {
  if (progress.state !== 'waiting') return false;
  const { by } = progress;
  return by === null || by.nonce === store.presence.self().nonce || store.presence.isGone(by);
}

/** Whether a stage has ended, with what is sent again of it, and nobody alive makes the next one of it. */
export function isStageDue(context: Pick<Context, 'store'>, record: BatchRecord): boolean {
  if (record.merge === undefined) return false;
  const next = nextWaiting(record.parts);
  const parts = record.parts.filter(({ progress }) => progress.state !== 'waiting');
  return next !== undefined && isFreeToMake(context, next) && hasAllAnswers({ ...record, parts });
}

/** Said of figures that rest on answers which are not there yet. */
export const boundWarning = (batchId: string): string =>
  `The figures are bounds: ${batchId}, whose answers this works on, has not ended, so each counts as long as it can be. It is sent by the first look after that, for no more than this maximum.`;
