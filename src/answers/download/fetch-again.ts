import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { downloadOf, isCreated, receivedOf, sentCount, updatePart } from '../../state/parts.ts';
import { CERTAIN_MS, certainAt, partExpiresAt } from '../../state/status.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import { type ResultPlace, type ResultsIndex, writeResultsIndex } from '../../store/results-index.ts';
import type { SavedResults } from '../../store/saved-results.ts';
import type { Blobs, Pieces } from '../../store/store.ts';
import { scanReceived, scanSaved } from '../packs/saved-scan.ts';
import { openIndex } from '../view/loaded-view.ts';
import { rankOf } from '../view/merge.ts';
import { saving } from './receive.ts';
import { resultsAtProvider } from './results-at-provider.ts';
import { requireResults } from './shortfall.ts';

type SavedPart = { part: CreatedPart; results: SavedResults };

/** There is nothing new sooner than this after the last download. */
const LEAST_PAUSE_MS = 5_000;

const LINES_AT_ONCE = 100;

/** Parts whose results lack answers, while the provider has them. */
function shortParts(record: BatchRecord, now: Date): SavedPart[] {
  return record.parts
    .filter(isCreated)
    .filter((part) => partExpiresAt(record, part) > now.getTime() && part.reused_from === undefined)
    .flatMap((part) => {
      const { results } = part.progress;
      return results !== null && results.outcomes.missing > 0 ? [{ part, results }] : [];
    });
}

/** Each pause is as long as all before it together, as late answers mostly come soon. */
function isDue({ provisional }: SavedResults, now: Date): boolean {
  if (provisional === undefined) return false;
  const [since, last] = [Date.parse(provisional.since), Date.parse(provisional.last)];
  // The clock was set back: how long ago that was is not known.
  if (now.getTime() < last) return true;
  return now.getTime() >= Math.min(last + Math.max(last - since, LEAST_PAUSE_MS), since + CERTAIN_MS);
}

/** Parts whose results are due to be fetched again: it is not certain yet that the answers they lack are missing. */
export function partsToFetchAgain(record: BatchRecord, now: Date): CreatedPart[] {
  return shortParts(record, now)
    .filter(({ results }) => isDue(results, now))
    .map(({ part }) => part);
}

/**
 * Fetches incomplete results again: those that are due, or all of them, once more before missing tasks are paid for a
 * second time. Known answers stay, and new ones are added. Throws the provider's errors after trying all parts.
 */
export async function fetchMissing(
  context: Context,
  batchId: string,
  report: Report,
  which: 'due' | 'all' = 'due',
): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record === null) return;
  let failure: BatchError | undefined;
  for (const short of shortParts(record, context.now())) {
    if (which === 'due' && !isDue(short.results, context.now())) continue;
    try {
      await fetchAgain(context, record, short, report);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
}

async function fetchAgain(
  context: Context,
  record: BatchRecord,
  { part, results: known }: SavedPart,
  report: Report,
): Promise<void> {
  const download = downloadOf(part) + 1;
  const fetched = await fetchFuller(context, record, part, report);
  const now = context.now();
  const results =
    fetched === null ? noted(known, now) : { ...noted(known, now), saved_at: now.toISOString(), ...fetched };
  const { provisional: _open, ...certain } = results;
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) => {
    if (progress.state !== 'created' || (progress.download ?? 1) >= download) return null;
    if (progress.results?.saved_at !== known.saved_at) return null;
    return {
      ...progress,
      results: results.outcomes.missing === 0 ? certain : results,
      ...(fetched !== null && { download }),
    };
  });
}

/** Notes another fetch; it is the last one once it is certain which answers are missing. */
function noted({ provisional, ...results }: SavedResults, now: Date): SavedResults {
  if (provisional === undefined) return results;
  const last = now.toISOString();
  const open = { since: Date.parse(provisional.since) > now.getTime() ? last : provisional.since, last };
  const isCertain = now.getTime() >= (certainAt({ ...results, provisional: open }) ?? 0);
  return isCertain ? results : { ...results, provisional: open };
}

/**
 * Saves a new download, completed by answers of the previous one that it lacks, if that brings more answers; null if
 * not.
 */
async function fetchFuller(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  report: Report,
): Promise<Omit<SavedResults, 'saved_at'> | null> {
  const blobs = context.store.blobs(record.batch_id);
  const next: CreatedPart = { ...part, progress: { ...part.progress, download: downloadOf(part) + 1 } };
  const name = receivedOf(next);
  // A download left by a process that died before recording it was fuller than ours, too.
  if ((await blobs.size(name)) === null && !(await download())) return null;
  const { index, results } = await scanSaved(context, record, next);
  await writeResultsIndex(blobs, part.number, index, downloadOf(next));
  return results;

  async function download(): Promise<boolean> {
    const blob = openBlobWriter(blobs, name);
    try {
      const tail = { isOpen: false };
      const chunks = noting(saving(resultsAtProvider(context, record, part), blob), tail);
      const scan = await scanReceived(context, record, part, chunks, (lines) =>
        report({ stage: 'downloading', done: part.first_task + lines, total: record.request_count }),
      );
      requireResults(scan, part);
      const before = await receivedIndex(context, record, part);
      const lost = placesOf(before).filter(({ ordinal }) => scan.index.find(ordinal) === null);
      if (scan.outcomes.missing - lost.length >= sentCount(part) - before.count) return false;
      // Of two lines of a task the better counts.
      const kept = placesOf(before).filter((place) => isBetter(place, scan.index.find(place.ordinal)));
      for await (const lines of linesOf(blobs, receivedOf(part), kept)) {
        if (tail.isOpen) await blob.write(NEWLINE);
        tail.isOpen = false;
        await blob.write(Buffer.concat(lines.flatMap((line) => [line, NEWLINE])));
      }
      await blob.finish();
      return true;
    } finally {
      await blob.abort();
    }
  }
}

/** The index of the lines that were received for a part. */
async function receivedIndex(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
): Promise<ResultsIndex> {
  if (part.packs === undefined) return openIndex(context, record, part);
  const received = context.store.blobs(record.batch_id).read(receivedOf(part));
  return (await scanReceived(context, record, part, received)).index;
}

const NEWLINE = Buffer.from('\n');

/** Passes pieces on, and notes whether the last line lacks its line end. */
async function* noting(pieces: Pieces, tail: { isOpen: boolean }): Pieces {
  for await (const piece of pieces) {
    if (piece.length > 0) tail.isOpen = piece.at(-1) !== NEWLINE[0];
    yield piece;
  }
}

const placesOf = (index: ResultsIndex) => Array.from({ length: index.count }, (_, place) => index.at(place));

const isBetter = (place: ResultPlace, other: ResultPlace | null) =>
  other === null || rankOf(place) > rankOf(other);

/** The saved lines of these tasks, some at a time. */
async function* linesOf(
  blobs: Blobs,
  name: string,
  places: readonly ResultPlace[],
): AsyncGenerator<Buffer[]> {
  for (let start = 0; start < places.length; start += LINES_AT_ONCE) {
    yield blobs.readRanges(name, places.slice(start, start + LINES_AT_ONCE));
  }
}
