import { openView, type View } from '../../answers/view/view.ts';
import { actualOfPart, estimateOfParts, formatApart } from '../../cost/cost.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { BatchError } from '../../errors.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import { count, counted } from '../../lib/numbers.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { asOwner, whyHeldBack } from '../../sending/permission.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { isCreated, nextWaiting } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { changeWhere } from '../../store/store.ts';
import { type MergedItem, mergedRow, stageTaskId } from '../../tasks/sources/merged-source.ts';
import { createListedPartsWriter } from '../../tasks/write/write-listed-parts.ts';
import { discardUnnamed } from '../../tasks/write/write-parts.ts';
import { startSending } from '../looking/sending-jobs.ts';
import { endWaiting } from './end-waiting.ts';
import { openStageRequests, stageCost } from './stage-requests.ts';
import { isStageDue } from './stages.ts';
import { claimWaiting, lasting, reasonOf } from './take-up.ts';

/**
 * Makes the next stage of a merge from the finished answers of the stage below, once that has ended, and sends it:
 * once among all processes, as `takeUp` does. A stage without any finished answer stops the merge, and the batch says
 * so.
 */
export async function nextStage(context: Context, batchId: string, report: Report): Promise<void> {
  const seen = await context.store.record(batchId).read();
  if (seen === null || !isStageDue(context, seen) || (await whyHeldBack(context, seen)) !== null) return;
  const record = await claimWaiting(context, batchId, (current) => isStageDue(context, current));
  if (record === null) return;
  const stage = nextWaiting(record.parts);
  try {
    await context.provider(record.provider).requireCredentials();
    if (await makeStage(context, record, report)) startSending(context, record);
  } catch (error) {
    if (!(error instanceof BatchError) || !lasting.has(error.code)) throw error;
    const isStill = ({ parts }: BatchRecord) => nextWaiting(parts)?.number === stage?.number;
    await endWaiting(context, batchId, isStill, { why: reasonOf(error), code: error.code });
  }
}

/** The lowest waiting stage, and where the one below begins. */
function stageOf({ parts, merge }: BatchRecord) {
  const part = nextWaiting(parts);
  const stages = merge?.stages ?? [];
  let below = 0;
  for (let index = 1, first = stages[0] ?? 0; index < stages.length; index += 1) {
    const count = stages[index] ?? 0;
    if (part !== undefined && first === part.first_task) return { part, number: index + 1, below, count };
    below = first;
    first += count;
  }
  throw new BatchError('internal', 'No stage of the merge waits.');
}

/** Whether there are tasks to send now; a stage of which nothing has to be made again is skipped. */
async function makeStage(context: Context, record: BatchRecord, report: Report): Promise<boolean> {
  const { part, number, below, count } = stageOf(record);
  const first = part.first_task;
  const blobs = context.store.blobs(record.batch_id);
  const requests = await openStageRequests(context, record);
  const sheet = requests.newSheet();
  const next = Math.max(...record.parts.map((each) => each.number)) + 1;
  const attempt = Math.max(...record.parts.map((each) => each.attempt));
  const dialect = dialectOf(record.provider);
  const writer = createListedPartsWriter(blobs, context.limits, dialect, { next, attempt });
  const view = await openView(context, record);
  const empty: string[] = [];
  let sent = 0;
  let written: Part[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      report({ stage: 'preparing', done: index, total: count });
      const task_id = stageTaskId(number, index + 1);
      const items = range(
        below + index * requests.size,
        Math.min(below + (index + 1) * requests.size, first),
      );
      if (!isToBeMade(view, part, first + index, items)) continue;
      const answers = await finished(view, items);
      if (answers.length === 0) {
        empty.push(task_id);
        continue;
      }
      sent += 1;
      const block = requests.make(mergedRow(answers, { number: index + 1, task_id }), sheet);
      await writer.add({ ...block, ordinals: [first + index] });
    }
    const isEmpty = range(first, first + count).every((ordinal) => view.outcome(ordinal) !== 'succeeded');
    if (sent === 0 && isEmpty) throw nothingLeft(number - 1);
    const { expected_usd, maximum_usd } = await stageCost(record, sheet, sent);
    requireWithinReserved(record, part, maximum_usd);
    const share = (usd: number, requests: number) => roundUsd((usd * requests) / sent);
    // A stage above an automatic retry belongs to what was originally asked for.
    const byItself = part.attempt === 1 ? attempt > 1 : part.by_itself;
    written = await writer.finish();
    const made = written.map((each) => ({
      ...each,
      maximum_usd: share(maximum_usd, each.request_count),
      expected_usd: share(expected_usd, each.request_count),
      ...(byItself && { by_itself: true as const }),
    }));
    const said = leftOut(view, { below, end: first, stage: number - 1, empty });
    const isNamed = await nameStage(context, record, part, { made, stage: number - 1, warnings: said });
    if (!isNamed) await writer.discard();
    return isNamed && made.length > 0;
  } catch (error) {
    await discardUnnamed(context, record.batch_id, writer, written);
    throw error;
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

/** Whether a task has no finished answer, or one made from answers that have been replaced since. */
function isToBeMade(view: View, { attempt }: Part, ordinal: number, items: readonly number[]): boolean {
  if (view.outcome(ordinal) !== 'succeeded') return true;
  return items.some(
    (item) => view.outcome(item) === 'succeeded' && (view.partOf(item)?.attempt ?? 1) >= attempt,
  );
}

async function finished(view: View, ordinals: readonly number[]): Promise<MergedItem[]> {
  const answered = await view.answeredRows(
    ordinals.filter((ordinal) => view.outcome(ordinal) === 'succeeded'),
  );
  return answered.map(({ answer: { task_id, text, json } }) => ({
    id: task_id,
    text: text ?? (json === undefined ? '' : stringifyExact(json)),
  }));
}

function nothingLeft(stage: number): BatchError {
  return new BatchError(
    'invalid_input',
    `stage ${stage} of the merge has no finished answer, so nothing is left to merge`,
  );
}

/**
 * Keeps the money spent plus the maximum of this stage within the reserved maximum; a stage that is made again has a
 * maximum of its own.
 */
function requireWithinReserved(record: BatchRecord, part: Part, maximum_usd: number): void {
  const { provider, estimate, parts } = record;
  const isOwn = part.attempt > 1 && !part.by_itself;
  const spent = parts
    .filter(isCreated)
    .filter(({ attempt, by_itself }) => attempt === 1 || by_itself)
    .reduce((sum, each) => {
      const { results } = each.progress;
      const actual = results === null ? null : actualOfPart(results);
      return sum + (actual ?? estimateOfParts(record, [each]).maximum);
    }, 0);
  const left = isOwn ? (part.maximum_usd ?? 0) : roundUsd((estimate?.maximum ?? 0) - spent);
  if (provider === 'sandbox' || maximum_usd <= left) return;
  const [maximum, most] = formatApart(maximum_usd, left);
  throw new BatchError(
    'cost_limit',
    `the next stage of the merge could cost up to ${maximum}, and ${most} is left of what was reserved`,
  );
}

type Below = { below: number; end: number; stage: number; empty: readonly string[] };

/** Says which answers are not in the merge. */
function leftOut(view: View, { below, end, stage, empty }: Below): string[] {
  let failed = 0;
  for (let ordinal = below; ordinal < end; ordinal += 1)
    if (view.outcome(ordinal) !== 'succeeded') failed += 1;
  return [
    ...(failed === 0
      ? []
      : [
          `${count(failed)} of ${counted(end - below, 'task')} of stage ${stage} ${failed === 1 ? 'has' : 'have'} no finished answer: what ${failed === 1 ? 'it works' : 'they work'} on is not in the merge.`,
        ]),
    ...(empty.length === 0
      ? []
      : [
          `${counted(empty.length, 'task')} of stage ${stage + 1} had nothing to merge, and ${empty.length === 1 ? 'was' : 'were'} not sent.`,
        ]),
  ];
}

async function nameStage(
  context: Context,
  record: BatchRecord,
  waiting: Part,
  { made, stage, warnings }: { made: readonly Part[]; stage: number; warnings: readonly string[] },
): Promise<boolean> {
  const owner = await asOwner(context, record);
  // Warnings from an earlier making of this stage, about answers that may have come since.
  const said = [
    new RegExp(` of stage ${stage} ha(s|ve) no finished`),
    new RegExp(` of stage ${stage + 1} had nothing`),
  ];
  const { changed } = await changeWhere(context.store.record(record.batch_id), (current) => {
    const part = current.parts.find(({ number }) => number === waiting.number);
    const isOurs =
      part?.progress.state === 'waiting' && part.progress.by?.nonce === context.store.presence.self().nonce;
    if (!isOurs) return null;
    const parts = current.parts.flatMap((each) => (each === part ? made : [each]));
    const before = current.warnings.filter((warning) => !said.some((each) => each.test(warning)));
    return { ...current, ...owner, parts, warnings: [...before, ...warnings] };
  });
  return changed;
}
