import { requireApproval } from '../../cost/approval.ts';
import { requireWithinLimit } from '../../cost/cost.ts';
import { totalOf } from '../../cost/cost-line.ts';
import { type CountedCosts, countCosts } from '../../cost/count-sample.ts';
import { roundUsd } from '../../cost/pricing.ts';
import { dialectOf } from '../../provider/dialects.ts';
import { type EarlierBatch, findEarlier } from '../../sending/submission.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { ownershipOf } from '../../state/subject.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Staging } from '../../store/store.ts';
import { nowhere } from '../../tasks/gather.ts';
import { checkLiveModels, knownModels, type LiveModels } from '../../tasks/live-models.ts';
import { type Preparation, type Prepared, preparationOf, prepare } from '../../tasks/prepare.ts';
import type { Work } from '../../tasks/work.ts';
import { createPartsWriter, type PartsWriter } from '../../tasks/write/write-parts.ts';
import { findPilot, openPilotWarning, type Pilot, pilotKeys } from '../reuse/pilot.ts';
import { type TakenOver, takeOver } from '../reuse/take-over.ts';
import { boundWarning, withStages } from '../waiting/stages.ts';
import { writeWork } from '../waiting/work-blob.ts';
import { requireKnown } from './kept-work.ts';
import { newRecord, type SubmittedWork } from './new-record.ts';
import { withPrimer } from './primer.ts';
import { withOutputProblem } from './requested-output.ts';

/** The batch on disk, ready to be sent, or an earlier one that takes its place. */
type NewBatch = { record: BatchRecord; earlier: null } | { record: null; earlier: EarlierBatch };

/**
 * Checks the work and writes it to disk as a new batch with its first record. Leaves nothing behind where an earlier
 * batch takes its place, or where it is refused. Throws `invalid_input` with all problems, or `cost_limit`.
 */
export async function makeBatch(
  context: Context,
  submission: SubmittedWork,
  staging: Staging,
  report: Report,
): Promise<NewBatch> {
  const options = { alone: submission.work.defaults.primer };
  const writer = createPartsWriter(staging.blobs, context.limits, dialectOf(submission.provider), options);
  const awaited = awaitedBatch(submission.work);
  try {
    const known = await knownModels(context, submission.provider);
    const preparation = await preparationOf(context, submission, known);
    const prepared = await prepare(preparation, awaited === null ? writer : nowhere, report);
    requireKnown(submission.known, prepared);
    const earlier = submission.force_new
      ? null
      : await findEarlier(context, markOf(context, submission, prepared));
    if (earlier !== null) {
      // A standing batch comes before any refusal: the same call made again gets its batch back.
      if (earlier.meaning === 'take_up') await requireAllowed(context, submission, prepared, report);
      await writer.discard();
      await staging.discard();
      return { record: null, earlier };
    }
    const whole = { staging, writer, preparation, prepared, known, report };
    const canReuse = !submission.force_new && awaited === null && prepared.stages.length === 0;
    const pilot = canReuse ? await findPilot(context, preparation) : null;
    const record =
      pilot === null
        ? await wholeRecord(context, submission, whole)
        : await restRecord(context, submission, whole, pilot);
    if (awaited !== null) await writer.discard();
    await staging.commit(record);
    return { record, earlier: null };
  } catch (error) {
    await writer.discard();
    await staging.discard();
    throw withOutputProblem(error, submission.output);
  }
}

/** The batch that the work waits for; null where it waits for none. */
function awaitedBatch({ source }: Work): string | null {
  return source.kind === 'from_batch' && source.awaits !== 'nothing' ? source.batch_id : null;
}

/**
 * The parts that can be sent now. Stages of a merge are made later, with the work's settings, which are kept for
 * that.
 */
async function partsOf(
  { work }: SubmittedWork,
  { blobs }: Staging,
  writer: PartsWriter,
  { stages }: Prepared,
): Promise<Part[]> {
  if (stages.length > 0) await writeWork(blobs, work);
  const parts = await writer.finish();
  return work.defaults.primer ? withPrimer(parts) : parts;
}

/** Keeps waiting work; its tasks are made once the batch that it waits for has ended. */
async function waitingParts(
  { work }: SubmittedWork,
  { blobs }: Staging,
  { request_count }: Prepared,
): Promise<Part[]> {
  await writeWork(blobs, work);
  const nothing = { body_bytes: 0, body_sha256: '', tasks: 'run' as const };
  const progress = { state: 'waiting' as const, by: null };
  return [{ number: 1, attempt: 1, request_count, first_task: 0, ...nothing, progress }];
}

/** How long the answers will be, for work that waits for them in turn. */
function answersOf({ lines }: CountedCosts, { costs, packed, request_count }: Prepared) {
  const { tokens } = totalOf(lines);
  const longest = (packed?.alone ?? costs.tally).models().map(({ max_tokens }) => max_tokens);
  return {
    longest_answer: Math.max(0, ...longest),
    expected_answer: Math.ceil(tokens.expected_output / request_count),
  };
}

type Whole = {
  staging: Staging;
  writer: PartsWriter;
  preparation: Preparation;
  prepared: Prepared;
  known: LiveModels;
  report: Report;
};

/** The record of work that is sent, or waits, in full. */
async function wholeRecord(context: Context, submission: SubmittedWork, whole: Whole): Promise<BatchRecord> {
  const { staging, writer, preparation, prepared, report } = whole;
  const awaited = awaitedBatch(submission.work);
  const counted = await requireAllowed(context, submission, prepared, report);
  // Waits for both even if one fails: files that are still being written can't be removed.
  const [life, written] = await Promise.allSettled([
    lifeWarnings(context, submission, whole),
    awaited === null
      ? partsOf(submission, staging, writer, prepared)
      : waitingParts(submission, staging, prepared),
  ]);
  if (life.status === 'rejected') throw life.reason;
  if (written.status === 'rejected') throw written.reason;
  const bound = awaited === null ? [] : [boundWarning(awaited)];
  const warnings = [...new Set([...bound, ...prepared.warnings, ...counted.unbounded, ...life.value])];
  const record = newRecord(
    context,
    staging.batchId,
    submission,
    { ...prepared, ...counted, warnings },
    { parts: written.value, pilot_keys: pilotKeys(context, preparation) },
  );
  return awaited === null
    ? withStages(record, prepared.stages)
    : { ...record, waits: { batch_id: awaited, ...answersOf(counted, prepared) } };
}

/** The record of work that a pilot has answered in part: only the rest is counted and paid for. */
async function restRecord(
  context: Context,
  submission: SubmittedWork,
  whole: Whole,
  pilot: Pilot,
): Promise<BatchRecord> {
  const { staging, writer, preparation, prepared, report } = whole;
  const { request_count } = prepared;
  const parts = await writer.finish();
  const written = { blobs: staging.blobs, provider: submission.provider, request_count, parts };
  const taken = await takeOver(context, written, pilot, preparation);
  const left = taken?.parts ?? parts;
  const sent = submission.work.defaults.primer ? withPrimer(left) : left;
  const rest = taken === null ? prepared : { ...prepared, costs: taken.costs, request_count: taken.rest };
  const counted = await requireAllowed(context, submission, rest, report);
  const life = await lifeWarnings(context, submission, whole);
  const open = pilot.isOpen ? [openPilotWarning(pilot)] : [];
  const warnings = [...new Set([...open, ...prepared.warnings, ...counted.unbounded, ...life])];
  const record = newRecord(
    context,
    staging.batchId,
    submission,
    { ...prepared, ...counted, warnings },
    { parts: sent, pilot_keys: pilotKeys(context, preparation) },
  );
  return taken === null ? record : withReused(record, taken);
}

function lifeWarnings(
  context: Context,
  { provider }: SubmittedWork,
  { preparation, prepared, known, report }: Whole,
): Promise<string[]> {
  return checkLiveModels(context, {
    provider,
    used: prepared.costs.tally.models(),
    known,
    again: (catalog) => prepare({ ...preparation, catalog }, nowhere, report),
  });
}

/** The estimate covers only the rest: each part that is sent has its share of it. */
function withReused(record: BatchRecord, { reused, rest }: TakenOver): BatchRecord {
  const { expected = 0, maximum = 0 } = record.estimate ?? {};
  const share = (usd: number, count: number) => roundUsd((usd * count) / rest);
  const parts = record.parts.map((part) =>
    part.reused_from !== undefined
      ? part
      : {
          ...part,
          expected_usd: share(expected, part.request_count),
          maximum_usd: share(maximum, part.request_count),
        },
  );
  return { ...record, reused, parts };
}

/** The key under which the same work is found again. */
function markOf(context: Context, { idempotency_key }: SubmittedWork, { content_hash }: Prepared) {
  return { idempotency_key, content_hash, ...ownershipOf(context) };
}

/**
 * Returns what the work costs. Throws where the output can't be written, or where the cost is above a limit or not
 * approved by the person.
 */
async function requireAllowed(
  context: Pick<Context, 'maxCostUsd' | 'provider' | 'askAboveUsd' | 'limits'>,
  { output, provider, max_cost_usd, ask, work }: SubmittedWork,
  { costs, stages, content_hash: hash }: Prepared,
  report: Report,
): Promise<CountedCosts> {
  if (output.problem) throw output.problem;
  // Otherwise the API would count placeholders.
  const isCountable = awaitedBatch(work) === null && stages.length === 0;
  const counter = isCountable ? context.provider(provider) : null;
  const counted = await countCosts(counter, provider, costs);
  // The sandbox costs nothing, but a limit that the call sets is being tried out.
  const ownersLimit = provider === 'sandbox' ? Number.POSITIVE_INFINITY : context.maxCostUsd;
  requireWithinLimit(counted.lines, ownersLimit, max_cost_usd);
  if (provider !== 'sandbox') {
    const { request_count, expected_usd: expected, maximum_usd: maximum } = totalOf(counted.lines);
    await requireApproval(context, { hash, request_count, expected, maximum }, { ask, report });
  }
  return counted;
}
