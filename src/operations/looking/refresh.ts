import { collectResults, partsToCollect } from '../../answers/download/collect.ts';
import { fetchMissing, partsToFetchAgain } from '../../answers/download/fetch-again.ts';
import { letGoOfSpoilt } from '../../answers/download/let-go.ts';
import { hasOutputsToWrite, writeRequestedOutputs } from '../../answers/files/output-file.ts';
import { partsToScanAgain, scanAgain } from '../../answers/packs/saved-scan.ts';
import { BatchError } from '../../errors.ts';
import { heldBackNow } from '../../sending/permission.ts';
import { accountMismatch } from '../../sending/same-account.ts';
import { giveUpDisplaced } from '../../sending/tentative.ts';
import { tellUnknownSends } from '../../sending/unknown-sends.ts';
import type { Context } from '../../state/context.ts';
import { endsWithin, type Job, type Refreshed } from '../../state/jobs.ts';
import { concernsOnePart, isCreated, isWaiting, seenOf, updatePart } from '../../state/parts.ts';
import { isSaved, statusOf } from '../../state/status.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import { isRetryDue, retryByItself } from '../retry/retry-by-itself.ts';
import { hasAllAnswers } from '../waiting/earlier-answers.ts';
import { followersOf } from '../waiting/end-waiting.ts';
import { lookAtWaiting, whyNeverEnds } from '../waiting/look-at-waiting.ts';
import { nextStage } from '../waiting/next-stage.ts';
import { isStageDue } from '../waiting/stages.ts';
import { learnOfHolders, mayBeDriven, noteAbandonedSends } from './left-behind.ts';
import { continueSubmission, preparingKey } from './sending-jobs.ts';
import { isTellingDue, startTelling } from './telling.ts';

const collectKey = (batchId: string) => `${batchId} results`;

/** Which parts to ask the provider about: while one of them runs, the batch has not ended. */
type PartsAsked = 'all' | 'until_one_runs';

/**
 * Looks at a batch and moves it on: asks the provider about its parts, continues what a dead process left unsent or
 * uncertain, fetches results, writes requested files. Long work becomes a job. A failed look leaves the batch as it
 * was last seen.
 */
export async function refresh(
  context: Context,
  first: BatchRecord,
  partsAsked: PartsAsked = 'all',
): Promise<Refreshed> {
  const seen = await lookAfter(context, first, partsAsked);
  await leadOn(context, seen.record);
  return seen;
}

async function lookAfter(
  context: Context,
  first: BatchRecord,
  partsAsked: PartsAsked = 'all',
): Promise<Refreshed> {
  const { batch_id } = first;
  await learnOfHolders(context, first);
  if (first.waits !== undefined && isWaiting(first)) {
    const start: Parameters<typeof lookAtWaiting>[3] = (key, failures, begin) =>
      startOrJoin(context, key, failures, begin);
    return lookAtWaiting(context, first, lookAfter, start);
  }
  await noteAbandonedSends(context, first);
  const failures = await askProvider(context, first, partsAsked);
  await tellUnknownSends(context, first);
  const asked = (await context.store.record(batch_id).read()) ?? first;
  const record = await letGoOfSpoilt(context, asked, failures);

  // A batch that is being prepared here is sent by that job, once its money is reserved.
  const preparing = context.jobs.find(preparingKey(batch_id)) !== undefined;
  const isDue = isStageDue(context, record);
  const isLeft = !preparing && (isDue || mayBeDriven(context, record));
  const held = isLeft ? await heldBackNow(context, record, failures) : { isFree: false, why: null };
  const isUncertain = statusOf(record) === 'unconfirmed';
  const driving =
    isLeft && !isDue && (held.isFree || isUncertain)
      ? startOrJoin(context, batch_id, failures, () => continueSubmission(context, record, held.isFree))
      : context.jobs.find(batch_id);
  const toCollect =
    partsToCollect(record).length > 0 ||
    partsToScanAgain(record).length > 0 ||
    partsToFetchAgain(record, context.now()).length > 0 ||
    isRetryDue(context, record) ||
    (isDue && held.isFree) ||
    (!context.readOnly && hasOutputsToWrite(record));
  const collecting = toCollect
    ? startOrJoin(context, collectKey(batch_id), failures, () => startCollecting(context, record))
    : undefined;
  if (!toCollect && isTellingDue(context, record)) startTelling(context, record);
  const job = driving ?? collecting;
  return { record, job, failures, ...(held.why !== null && !isUncertain && { heldBack: held.why }) };
}

/** Moves on the batches that wait for this one's answers, once it has ended; runs in the background. */
async function leadOn(context: Context, record: BatchRecord): Promise<void> {
  if (record.followed_by === undefined) return;
  if (!hasAllAnswers(record) && whyNeverEnds(record) === null) return;
  for (const { batch_id, provider } of await followersOf(context, record)) {
    context.jobs.run(`${batch_id} following`, { stage: 'waiting', provider }, async () => {
      const follower = await context.store.record(batch_id).read();
      const seen = follower && (await lookAfter(context, follower));
      // The next look at it reports its failure.
      await seen?.job?.promise.catch(() => {});
    });
  }
}

/**
 * The same, but returns after `ms` milliseconds at the latest with what the store has; the look goes on, and its
 * findings are kept.
 */
export async function refreshWithin(
  context: Context,
  record: BatchRecord,
  ms: number,
  partsAsked: PartsAsked = 'all',
): Promise<Refreshed> {
  const look = refresh(context, record, partsAsked);
  const looked = look.then(() => {});
  if (await endsWithin(looked, ms)) return look;
  look.catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    context.log('warn', `${record.batch_id}: a look in the background failed (${reason})`);
  });
  const slow = new BatchError('api_uncertain', 'The API has not answered yet. Look again in a minute.');
  const current = (await context.store.record(record.batch_id).read()) ?? record;
  const job = context.jobs.find(record.batch_id);
  // Everything is here, whatever the look would still have asked.
  const isOver = job === undefined && statusOf(current) === 'ended' && isSaved(current);
  return { record: current, job, failures: isOver ? [] : [slow] };
}

/** Starts a job that failed since the last look again, and reports its failure. */
function startOrJoin(context: Context, key: string, failures: BatchError[], start: () => Job): Job {
  const running = context.jobs.find(key);
  if (running) return running;
  const lastFailure = context.jobs.lastFailure(key);
  if (lastFailure instanceof BatchError) failures.push(lastFailure);
  return start();
}

function startCollecting(context: Context, { batch_id, provider }: BatchRecord): Job {
  return context.jobs.run(collectKey(batch_id), { stage: 'downloading', provider }, async (report) => {
    await judgeAgain(context, batch_id);
    await collectResults(context, batch_id, report);
    // A failed second download must not hold up the results that are here.
    const again = await settled(fetchMissing(context, batch_id, report));
    await retryByItself(context, batch_id, report);
    await nextStage(context, batch_id, report);
    await writeRequestedOutputs(context, batch_id, report);
    await tellIfEnded(context, batch_id);
    if (again.status === 'rejected') throw again.reason;
  });
}

async function settled(promise: Promise<void>): Promise<PromiseSettledResult<void>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

/** Runs in the background: the batch's outcome is known, and no reply waits for the message to be delivered. */
async function tellIfEnded(context: Context, batchId: string): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record !== null && isTellingDue(context, record)) startTelling(context, record);
}

/** Results that an older version saved are judged by this version's rules. */
async function judgeAgain(context: Context, batchId: string): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record === null) return;
  for (const part of partsToScanAgain(record)) await scanAgain(context, record, part);
}

async function askProvider(
  context: Context,
  record: BatchRecord,
  partsAsked: PartsAsked,
): Promise<BatchError[]> {
  const failures: BatchError[] = [];
  for (const part of record.parts.filter(isCreated)) {
    if (part.progress.seen.processing_status === 'ended') continue;
    try {
      await giveUpDisplaced(context, record, part);
      const hasEnded = await refreshPart(context, record, part);
      if (!hasEnded && partsAsked === 'until_one_runs') break;
    } catch (error) {
      if (!(error instanceof BatchError) || error.code.startsWith('store')) throw error;
      failures.push(await explained(context, record, part, error));
      if (!concernsOnePart(error)) break;
    }
  }
  return failures;
}

/** Records the current state of a part; returns whether it has ended. */
async function refreshPart(context: Context, record: BatchRecord, part: CreatedPart): Promise<boolean> {
  const batch = await context.provider(record.provider).retrieveBatch(part.progress.provider_batch_id);
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) => {
    if (progress.state !== 'created' || progress.seen.processing_status === 'ended') return null;
    return { ...progress, not_found_since: null, seen: seenOf(batch) };
  });
  return batch.processing_status === 'ended';
}

/** A 404 within minutes of a create can pass; one that lasts means something. */
const PASSING_NOT_FOUND_MS = 10 * 60_000;

/** Why a look failed, worded for the person who has to act on it; a batch is never called lost. */
async function explained(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  error: BatchError,
): Promise<BatchError> {
  const mismatch = await accountMismatch(context, record, part.progress.intent).catch((failure: unknown) => {
    // Where the account can't be read now, the failure of the look itself is reported.
    if (failure instanceof BatchError && failure.code.startsWith('api_')) return null;
    throw failure;
  });
  if (mismatch !== null) {
    const message = `This batch was sent with ${mismatch}: it is not lost, but can't be seen from here. Ask the person to switch back to that one.`;
    return new BatchError('wrong_state', message, { cause: error });
  }
  if (error.code !== 'api_not_found') return error;
  const since = part.progress.not_found_since ?? context.now().toISOString();
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' ? { ...progress, not_found_since: since } : null,
  );
  const lasts = context.now().getTime() - Date.parse(since) > PASSING_NOT_FOUND_MS;
  const message = lasts
    ? `Since ${since} the API has answered that it does not know ${part.progress.provider_batch_id}. Either the key belongs to another workspace, or somebody deleted the batch. Ask the person.`
    : `The API does not know ${part.progress.provider_batch_id} at the moment, which can pass. Look again in a few minutes.`;
  return new BatchError('api_not_found', message, { cause: error });
}
