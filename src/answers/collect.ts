import { link, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../errors.ts';
import { syncFolder } from '../lib/durable-write.ts';
import { confirmPart, releaseForeign } from '../sending/tentative.ts';
import type { Context } from '../state/context.ts';
import type { Report } from '../state/jobs.ts';
import { concernsOnePart, isCreated, updatePart } from '../state/parts.ts';
import { inStore } from '../store/files/store-failure.ts';
import type { BatchRecord, CreatedPart, SavedResults } from '../store/record.ts';
import { writeResultsIndex } from '../store/results-index.ts';
import { writeAdoptedTasks } from './adopted-tasks.ts';
import { cameShort, pauseBefore } from './download-again.ts';
import { receive, type ScannedResults, scannedResults } from './receive.ts';
import { type Scanning, scanHere, scanInThread } from './scanning.ts';

/** The parts whose results are at the provider, and not on disk yet. */
export function partsToCollect(record: BatchRecord): CreatedPart[] {
  return record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.seen.processing_status === 'ended' && progress.results === null);
}

/**
 * Brings the results of every ended part onto the disk: whole, checked and indexed. Any number of processes
 * may do so at once. Throws the provider's errors, once all parts were tried that these do not concern; what is on
 * disk then stays, and the rest is tried again at the next touch.
 */
export async function collect(context: Context, batchId: string, report: Report): Promise<void> {
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

/** A download that broke off or came short may do so for this part alone. */
const mayConcernOnePart = (error: BatchError) => concernsOnePart(error) || error.code === 'api_uncertain';

/** Collects a part into the record; false where it is not ours, and the batch no longer what was read. */
async function collectInto(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  report: Report,
): Promise<boolean> {
  if (record.adopted) await writeAdoptedTasks(context, record, part);
  const results = await collectPart(context, record, part, report);
  if (results === 'foreign') {
    await releaseForeign(context, record, part);
    return false;
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
): Promise<SavedResults | 'foreign'> {
  const folder = context.store.folder(record.batch_id);
  const target = folder.partResults(part.number);
  const fetched = (await exists(target)) ? null : await download(context, record, part, report);
  if (fetched === 'foreign') return 'foreign';
  const { index, results } = fetched ?? (await scanSaved(context, record, part));
  await writeResultsIndex(folder.partResultsIndex(part.number), index);
  return { saved_at: context.now().toISOString(), ...results };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasErrorCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** What another process, or this one before it died, has put in place already. */
async function scanSaved(context: Context, record: BatchRecord, part: CreatedPart): Promise<ScannedResults> {
  const target = context.store.folder(record.batch_id).partResults(part.number);
  const { size } = await inStore('read', target, () => stat(target));
  return scannedResults(await scanner(context, record, part)(target).finish(size), part);
}

/** Scans a part's results, on a thread where they are many. */
function scanner(context: Context, record: BatchRecord, part: CreatedPart, report?: Report) {
  const { path: folder } = context.store.folder(record.batch_id);
  const job = { folder, part, provider: record.provider, catalog: context.catalog.options };
  const start = part.request_count < context.limits.threadedResults ? scanHere : scanInThread;
  const onLines = (lines: number) =>
    report?.({ stage: 'downloading', done: part.first_task + lines, total: record.request_count });
  return (file: string): Scanning => start({ ...job, file }, onLines);
}

/**
 * Fetches a part's results until they are whole, a few times at most; what the last of them lacks is then missing, if
 * all of them ended cleanly: one that failed says nothing of what the API has. Null where another process put its own in place meanwhile; `foreign` where a part that was
 * taken for ours turns out not to be.
 */
async function download(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  report: Report,
): Promise<ScannedResults | 'foreign' | null> {
  const { provider_batch_id } = part.progress;
  const target = context.store.folder(record.batch_id).partResults(part.number);
  const scan = scanner(context, record, part, report);
  let clean = true;
  for (let fetch = 1; ; fetch += 1) {
    await pauseBefore(context, fetch);
    const last = fetch >= context.limits.downloads;
    const unfinished = await context.store.temporaryFile();
    try {
      const bytes = context.provider(record.provider).streamResults(provider_batch_id);
      const received = await receive(bytes, { part, unfinished, target, last: last && clean }, scan);
      if (received.kind === 'foreign') return 'foreign';
      if (received.kind === 'saved') return (await publish(unfinished, target)) ? received.saved : null;
      context.log('warn', `${provider_batch_id}: download ${fetch} came short (${received.shortfall})`);
      if (last) throw cameShort(provider_batch_id);
    } catch (error) {
      clean = false;
      if (last || !canPass(error)) throw error;
      context.log('warn', `${provider_batch_id}: download ${fetch} failed (${error.message})`);
    } finally {
      await rm(unfinished, { force: true });
    }
  }
}

/** Whether a failed download may go well when it is tried again; what is on our disk stays as it is. */
function canPass(error: unknown): error is BatchError {
  return error instanceof BatchError && error.code !== 'store_damaged';
}

/** Gives the file its name, unless another process was first. */
async function publish(unfinished: string, target: string): Promise<boolean> {
  return inStore('write', target, async () => {
    try {
      await link(unfinished, target);
    } catch (error) {
      if (hasErrorCode(error, 'EEXIST')) return false;
      throw error;
    }
    await syncFolder(path.dirname(target));
    return true;
  });
}
