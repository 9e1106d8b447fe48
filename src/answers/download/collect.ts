import { BatchError } from '../../errors.ts';
import { confirmPart, releaseForeign, releaseUnproven } from '../../sending/tentative.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { concernsOnePart, downloadOf, isCreated, receivedOf, updatePart } from '../../state/parts.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import { writeResultsIndex } from '../../store/results-index.ts';
import type { SavedResults } from '../../store/saved-results.ts';
import type { Pieces } from '../../store/store.ts';
import { scanReceived, scanSaved } from '../packs/saved-scan.ts';
import { writeAdoptedTasks } from './adopted-tasks.ts';
import { receive } from './receive.ts';
import { resultsAtProvider } from './results-at-provider.ts';
import type { Scan } from './scan-results.ts';
import { cameShort, pauseBefore } from './shortfall.ts';

/** The parts whose results are with the provider, but not on disk yet. */
export function partsToCollect(record: BatchRecord): CreatedPart[] {
  return record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.seen.processing_status === 'ended' && progress.results === null);
}

/**
 * Saves the results of every ended part: complete, checked and indexed. Any number of processes may do so at once.
 * Throws the provider's errors after trying all parts that they do not concern; what is saved then stays, and the
 * next look tries the rest again.
 */
export async function collectResults(context: Context, batchId: string, report: Report): Promise<void> {
  const register = context.store.record(batchId);
  const failures = new Map<number, BatchError>();
  for (;;) {
    const record = await register.read();
    const part = record && partsToCollect(record).find(({ number }) => !failures.has(number));
    if (!record || !part) break;
    try {
      if (!(await collectInto(context, record, part, report))) break;
    } catch (error) {
      if (!(error instanceof BatchError) || !mayConcernOnePart(error)) throw error;
      failures.set(part.number, error);
    }
  }
  for (const failure of failures.values()) throw failure;
}

/** A download that broke off or was incomplete may be a problem of this part alone. */
const mayConcernOnePart = (error: BatchError) => concernsOnePart(error) || error.code === 'api_uncertain';

/**
 * Collects a part into the record; false where the part turned out not to be ours, so that the record has changed.
 */
async function collectInto(
  context: Context,
  record: BatchRecord,
  listed: CreatedPart,
  report: Report,
): Promise<boolean> {
  const part = record.adopted ? await writeAdoptedTasks(context, record, listed) : listed;
  const results = await collectPart(context, record, part, report);
  if (results === 'foreign') {
    await releaseForeign(context, record, part);
    return false;
  }
  if (results === 'unproven') {
    if (await releaseUnproven(context, record, part)) return false;
    throw cameShort(part.progress.provider_batch_id);
  }
  if (part.progress.tentative) await confirmPart(context, record, part);
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' && progress.results === null ? { ...progress, results } : null,
  );
  return true;
}

async function collectPart(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  report: Report,
): Promise<SavedResults | 'foreign' | 'unproven'> {
  const blobs = context.store.blobs(record.batch_id);
  const isSaved = (await blobs.size(receivedOf(part))) !== null;
  const fetched = isSaved ? null : await download(context, record, part, report);
  if (fetched === 'foreign' || fetched === 'unproven') return fetched;
  // Without a scan, another process, or an earlier one that died, has already saved them.
  const { index, results } = await scanSaved(context, record, part, fetched ?? undefined);
  await writeResultsIndex(blobs, part.number, index, downloadOf(part));
  const now = context.now().toISOString();
  const isShort = results.outcomes.missing > 0;
  return { saved_at: now, ...results, ...(isShort && { provisional: { since: now, last: now } }) };
}

/**
 * Fetches a part's results until they are complete, a few times at most. What the last download lacks is missing
 * then, if all of them ended cleanly: a failed one proves nothing. Null where another process saved its own
 * meanwhile; `foreign` where a tentative part turns out not to be ours, `unproven` where that can't be told.
 */
async function download(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  report: Report,
): Promise<Scan | 'foreign' | 'unproven' | null> {
  const { provider_batch_id } = part.progress;
  const blobs = context.store.blobs(record.batch_id);
  const scan = (chunks: Pieces) =>
    scanReceived(context, record, part, chunks, (lines) =>
      report({ stage: 'downloading', done: part.first_task + lines, total: record.request_count }),
    );
  let clean = true;
  for (let fetch = 1; ; fetch += 1) {
    await pauseBefore(context, fetch);
    const last = fetch >= context.limits.downloads;
    const blob = openBlobWriter(blobs, receivedOf(part));
    try {
      const bytes = resultsAtProvider(context, record, part);
      const received = await receive(bytes, { part, blob, last: last && clean }, scan);
      if (received.kind === 'foreign') return 'foreign';
      if (received.kind === 'taken') return null;
      if (received.kind === 'saved') return received.scan;
      context.log('warn', `${provider_batch_id}: download ${fetch} came short (${received.shortfall})`);
      if (last && clean && received.unproven) return 'unproven';
      if (last) throw cameShort(provider_batch_id);
    } catch (error) {
      clean = false;
      if (last || !canPass(error)) throw error;
      context.log('warn', `${provider_batch_id}: download ${fetch} failed (${error.message})`);
    }
  }
}

/** Whether a failed download may succeed when repeated; damage on our own disk does not pass. */
function canPass(error: unknown): error is BatchError {
  return error instanceof BatchError && error.code !== 'store_damaged';
}
