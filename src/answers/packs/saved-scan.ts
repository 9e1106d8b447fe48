import { isSameKind } from '../../cost/usage.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { Context } from '../../state/context.ts';
import { downloadOf, isCreated, receivedOf, resultsOf, updatePart } from '../../state/parts.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import { type ResultsIndex, writeResultsIndex } from '../../store/results-index.ts';
import { type SavedResults, SCAN } from '../../store/saved-results.ts';
import type { Pieces } from '../../store/store.ts';
import { type ScannedResults, scannedResults } from '../download/receive.ts';
import { type Scan, scanPart, scanResults } from '../download/scan-results.ts';
import { expectedPacks } from './expected-packs.ts';
import { loadDocumentReader } from './read-document.ts';
import { unpack } from './unpack.ts';

type Place = Pick<Context, 'store' | 'catalog'>;

/** Scans a part's results as the provider sends them: a line for each request. */
export async function scanReceived(
  context: Place,
  record: BatchRecord,
  part: CreatedPart,
  chunks: Pieces,
  onLine?: (lines: number) => void,
): Promise<Scan & { index: ResultsIndex }> {
  if (part.packs === undefined) return scanPart(context, record, part, chunks, onLine);
  const { expected } = await expectedPacks(context.store.blobs(record.batch_id), record, part);
  const reading = { dialect: dialectOf(record.provider), catalog: context.catalog };
  return scanResults(chunks, expected, reading, onLine);
}

/**
 * The findings to keep about a part's received results. If tasks share requests the results are unpacked first, unless that
 * was done before. `received` is the scan of what was received, if it is known.
 */
export async function scanSaved(
  context: Place,
  record: BatchRecord,
  part: CreatedPart,
  received?: Scan,
): Promise<ScannedResults> {
  const blobs = context.store.blobs(record.batch_id);
  const known = received ?? (await scanReceived(context, record, part, blobs.read(receivedOf(part))));
  if (part.packs === undefined) return scannedResults(known, part);
  const unknown = await unpackPart(context, record, part);
  const scan = await scanPart(context, record, part, blobs.read(resultsOf(part)));
  // The provider bills by requests, so its sums stay as they are; only the number of tasks differs.
  const usage = scan.usage.map(({ requests, ...shared }) => {
    const whole = known.usage.find((each) => isSameKind(each, shared));
    return { ...(whole ?? shared), requests };
  });
  const { results } = scannedResults(known, part);
  const own = scannedResults({ ...scan, usage, uncounted: 0 }, part, { isWhole: true });
  return {
    index: own.index,
    results: {
      ...own.results,
      warnings: [...results.warnings, ...own.results.warnings, ...unknownWarning(unknown)],
    },
  };
}

/** Makes the results of tasks that share requests, if they are missing; returns how many answers had no row's id. */
export async function unpackPart(
  { store }: Pick<Context, 'store'>,
  record: BatchRecord,
  part: CreatedPart,
): Promise<number> {
  const blobs = store.blobs(record.batch_id);
  const name = resultsOf(part);
  const packs = await expectedPacks(blobs, record, part);
  const reading = { dialect: dialectOf(record.provider), read: await loadDocumentReader() };
  const blob = (await blobs.size(name)) === null ? openBlobWriter(blobs, name) : null;
  let count = 0;
  try {
    for await (const { lines, unknown } of unpack(blobs.read(receivedOf(part)), packs, reading)) {
      count += unknown;
      if (lines.length > 0) await blob?.write(`${lines.join('\n')}\n`);
    }
    await blob?.finish();
    return count;
  } finally {
    await blob?.abort();
  }
}

function unknownWarning(count: number): string[] {
  if (count === 0) return [];
  const [answers, stand] = count === 1 ? ['1 answer', 'stands'] : [`${count} answers`, 'stand'];
  return [
    `${answers} in packs ${stand} under an id that no row of its pack has, and ${count === 1 ? 'was' : 'were'} left out.`,
  ];
}

/** The parts whose results an older version judged, when other rules for what counts as an answer applied. */
export function partsToScanAgain(record: BatchRecord): CreatedPart[] {
  return record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.results !== null && (progress.results.scan ?? 1) < SCAN);
}

/** Judges saved results again, so that totals, pages and files agree about them. Unreadable results are left as they are. */
export async function scanAgain(context: Context, record: BatchRecord, part: CreatedPart): Promise<void> {
  const { results: known } = part.progress;
  if (known === null) return;
  const results = (await scanned(context, record, part, known)) ?? { ...known, scan: SCAN };
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
    progress.state === 'created' && progress.results?.saved_at === known.saved_at
      ? { ...progress, results }
      : null,
  );
}

async function scanned(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  known: SavedResults,
): Promise<SavedResults | null> {
  const blobs = context.store.blobs(record.batch_id);
  const name = resultsOf(part);
  if ((await blobs.size(name)) !== known.bytes) return null;
  const { index, results } = await scanSaved(context, record, part);
  await writeResultsIndex(blobs, part.number, index, downloadOf(part));
  // The cost stays as it was calculated at the prices of its day.
  const { saved_at, usage, provisional } = known;
  return { ...results, saved_at, usage, ...(provisional && { provisional }) };
}
