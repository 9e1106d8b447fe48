import type { Context } from '../../state/context.ts';
import { nextWaiting } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { stageTaskId } from '../../tasks/sources/merged-source.ts';
import { hasAllAnswers } from './earlier-answers.ts';

/**
 * Adds to a batch the stages of its merge: a waiting part for each stage above the first. The requested file then
 * holds the final answer.
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
  const filters = finalFilters(stages);
  const outputs = record.outputs.map((output) => ({ ...output, filters }));
  return { ...record, merge: { stages: [...stages] }, parts, outputs };
}

/** What the file that the submission asked for leaves of all answers, as its record keeps that. */
export const finalFilters = (stages: readonly number[]): string =>
  JSON.stringify({ task_ids: [lastTask(stages)] });

/** The task whose answer is the final one. */
export const lastTask = (stages: readonly number[]): string => stageTaskId(stages.length, 1);

/** Whether a part waits and no living process is making its tasks. */
export function isFreeToMake({ store }: Pick<Context, 'store'>, { progress }: Part): boolean {
  if (progress.state !== 'waiting') return false;
  const { by } = progress;
  return by === null || by.nonce === store.presence.self().nonce || store.presence.isGone(by);
}

/** Whether a stage and its retries have ended, and no living process is making the next one. */
export function isStageDue(context: Pick<Context, 'store'>, record: BatchRecord): boolean {
  if (record.merge === undefined) return false;
  const next = nextWaiting(record.parts);
  const parts = record.parts.filter(({ progress }) => progress.state !== 'waiting');
  return next !== undefined && isFreeToMake(context, next) && hasAllAnswers({ ...record, parts });
}

/** Said of figures that rest on answers which have not come yet. */
export const boundWarning = (batchId: string): string =>
  `The figures are bounds: ${batchId}, whose answers this works on, has not ended, so each counts at its longest. It is sent by the first look after that, for no more than this maximum.`;
