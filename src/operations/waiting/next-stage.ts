import { openView, type View } from '../../answers/view.ts';
import { actualOfPart, estimateOfParts, formatApart } from '../../cost/cost.ts';
import { totalOf } from '../../cost/cost-line.ts';
import { createCostSheet } from '../../cost/cost-sheet.ts';
import { tokenizerRates } from '../../cost/input-rate.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { BatchError } from '../../errors.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { asOwner, whyHeldBack } from '../../sending/permission.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { isCreated } from '../../state/parts.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { decodeEntry } from '../../store/task-entry.ts';
import { createExaminer } from '../../tasks/examine.ts';
import { knownModels } from '../../tasks/live-models.ts';
import { type MergedItem, mergedRow, stageTaskId } from '../../tasks/sources/merged-source.ts';
import { requestText } from '../../tasks/write-bodies.ts';
import { createRetryFiles } from '../retry/retry-files.ts';
import { startSending } from '../sending-jobs.ts';
import { endWaiting } from './end-waiting.ts';
import { isStageDue } from './stages.ts';
import { claim, lasting, reasonOf } from './take-up.ts';
import { readWork } from './work-blob.ts';

/**
 * Makes the next stage of a merge of the finished answers of the one below, where that has ended, and sends it: once over
 * all processes, as `takeUp` does. A stage without any finished answer stops the merge, and says so.
 */
export async function nextStage(context: Context, batchId: string, report: Report): Promise<void> {
  const seen = await context.store.record(batchId).read();
  if (seen === null || !isStageDue(context, seen) || (await whyHeldBack(context, seen)) !== null) return;
  const record = await claim(context, batchId);
  if (record === null) return;
  try {
    await context.provider(record.provider).requireCredentials();
    if (await makeStage(context, record, report)) startSending(context, record);
  } catch (error) {
    if (!(error instanceof BatchError) || !lasting.has(error.code)) throw error;
    await endWaiting(context, batchId, reasonOf(error), error.code);
  }
}

/** The first stage that waits. */
function stageOf({ parts, merge }: BatchRecord) {
  const part = parts.find(({ progress }) => progress.state === 'waiting');
  const stages = merge?.stages ?? [];
  let below = 0;
  for (let index = 1, first = stages[0] ?? 0; index < stages.length; index += 1) {
    if (part !== undefined && first === part.first_task) return { part, number: index + 1, below };
    below = first;
    first += stages[index] ?? 0;
  }
  throw new BatchError('internal', 'No stage of the merge waits.');
}

async function makeStage(context: Context, record: BatchRecord, report: Report): Promise<boolean> {
  const { provider } = record;
  const { part, number, below } = stageOf(record);
  const blobs = context.store.blobs(record.batch_id);
  const { defaults, merge } = await readWork(blobs);
  const size = typeof merge === 'number' ? merge : 2;
  const dialect = dialectOf(provider);
  const catalog = context.catalog.withLive(await knownModels(context, provider));
  const today = context.now().toISOString().slice(0, 10);
  const { partBytes } = context.limits;
  const examiner = createExaminer({
    ...context,
    catalog,
    dialect,
    defaults,
    partBytes,
    today,
    nonce: '',
    places: 'answer',
  });
  const sheet = createCostSheet(dialect, () => undefined);
  const files = createRetryFiles(
    blobs,
    context.limits,
    dialect,
    Math.max(...record.parts.map((each) => each.number)) + 1,
  );
  const view = await openView(context, record);
  const empty: string[] = [];
  try {
    for (let index = 0; index < part.request_count; index += 1) {
      report({ stage: 'preparing', done: index, total: part.request_count });
      const task_id = stageTaskId(number, index + 1);
      const items = await finished(
        view,
        below + index * size,
        Math.min(below + (index + 1) * size, part.first_task),
      );
      if (items.length === 0) {
        empty.push(task_id);
        continue;
      }
      examiner.addItem(mergedRow(items, { number: index + 1, task_id }));
      const block = examiner.take();
      if (block === null) continue;
      const [problem] = block.problems;
      if (problem !== undefined)
        throw new BatchError('invalid_input', problem.problem.problem, { problems: [problem.problem] });
      const request = requestText(block.requests, 0);
      sheet.merge(block.costs, 1, () => {
        const params = dialect.requests.decode(request)?.params ?? {};
        const model = catalog.require(dialect.requests.facts(params).model ?? '');
        return { model, params, prompt: dialect.requests.size(params) };
      });
      const entry = decodeEntry('a task of the merge', Buffer.from(block.tasks.bytes));
      const { task_type, model, effort, schema, custom_id } = entry;
      await files.add(
        [
          {
            ordinal: part.first_task + index,
            custom_id: custom_id ?? task_id,
            ...(task_type !== undefined && { task_type }),
            model,
            ...(effort !== undefined && { effort }),
            ...(schema !== undefined && { structured: true as const, schema }),
          },
        ],
        Buffer.from(request),
        new Map([...block.schemas].map(([hash, placed]) => [hash, placed.schema])),
      );
    }
    if (empty.length === part.request_count) throw nothingLeft(number - 1);
    const { sample, tally } = sheet.finish();
    const sent = part.request_count - empty.length;
    const { expected_usd, maximum_usd } = totalOf(tally.lines(await tokenizerRates(dialect, sample, sent)));
    requireWithinReserved(record, maximum_usd);
    const bodies = await files.finish();
    const share = (usd: number, requests: number) => roundUsd((usd * requests) / sent);
    const attempt = Math.max(...record.parts.map((each) => each.attempt));
    const made = bodies.map(
      ({ number, request_count, first_task, bytes, sha256, mark }): Part => ({
        number,
        attempt,
        request_count,
        first_task,
        tasks: 'listed',
        body_bytes: bytes,
        body_sha256: sha256,
        mark,
        maximum_usd: share(maximum_usd, request_count),
        expected_usd: share(expected_usd, request_count),
        ...(attempt > 1 && { by_itself: true as const }),
        progress: { state: 'prepared' },
      }),
    );
    const isNamed = await nameStage(
      context,
      record,
      part,
      made,
      leftOut(view, { below, end: part.first_task, stage: number - 1, empty }),
    );
    if (!isNamed) await files.discard();
    return isNamed;
  } catch (error) {
    await files.discard();
    throw error;
  }
}

async function finished(view: View, from: number, to: number): Promise<MergedItem[]> {
  const ordinals = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
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

/** What is spent and what this stage can cost at most stay within what all of it was to cost. */
function requireWithinReserved(record: BatchRecord, maximum_usd: number): void {
  const { provider, estimate, parts } = record;
  const spent = parts.filter(isCreated).reduce((sum, part) => {
    const { results } = part.progress;
    const actual = results === null ? null : actualOfPart(results);
    return sum + (actual ?? estimateOfParts(record, [part]).maximum);
  }, 0);
  const left = roundUsd((estimate?.maximum ?? 0) - spent);
  if (provider === 'sandbox' || maximum_usd <= left) return;
  const [maximum, most] = formatApart(maximum_usd, left);
  throw new BatchError(
    'cost_limit',
    `the next stage of the merge could cost up to ${maximum}, and ${most} is left of what was reserved`,
  );
}

type Below = { below: number; end: number; stage: number; empty: readonly string[] };

/** Answers that are not in the merge, in words. */
function leftOut(view: View, { below, end, stage, empty }: Below): string[] {
  let failed = 0;
  for (let ordinal = below; ordinal < end; ordinal += 1)
    if (view.outcome(ordinal) !== 'succeeded') failed += 1;
  return [
    ...(failed === 0
      ? []
      : [
          `${failed} of ${end - below} tasks of stage ${stage} have no finished answer: what they work on is not in the merge.`,
        ]),
    ...(empty.length === 0
      ? []
      : [`${empty.length} tasks of stage ${stage + 1} had nothing to merge, and were not sent.`]),
  ];
}

async function nameStage(
  context: Context,
  record: BatchRecord,
  waiting: Part,
  made: readonly Part[],
  warnings: readonly string[],
): Promise<boolean> {
  const owner = await asOwner(context, record.provider);
  let isNamed = false;
  await context.store.record(record.batch_id).update((current) => {
    const part = current?.parts.find(({ number }) => number === waiting.number);
    isNamed =
      part?.progress.state === 'waiting' && part.progress.by?.nonce === context.store.presence.self().nonce;
    if (current === null || !isNamed) return current;
    const parts = current.parts.flatMap((each) => (each === part ? made : [each]));
    return { ...current, ...owner, parts, warnings: [...current.warnings, ...warnings] };
  });
  return isNamed;
}
