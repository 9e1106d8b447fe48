import { link, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { syncFolder } from '../../files/durable-write.ts';
import { sha256OfFile } from '../../files/file-hash.ts';
import { createFileWriter, type FileWriter } from '../../files/file-writer.ts';
import type { BatchRecord, CreatedPart, Part, SavedResults } from '../../store/record.ts';
import { writeResultsIndex } from '../../store/results-index.ts';
import { inStore } from '../../store/store-failure.ts';
import { guardWriter, readStoreFile } from '../../store/store-files.ts';
import type { Context } from '../context.ts';
import type { Report } from '../jobs.ts';
import { isCreated, updatePart } from '../parts.ts';
import { confirmPart, releaseForeign } from '../submit/tentative.ts';
import { writeAdoptedTasks } from './adopted-tasks.ts';
import { type ExpectedTasks, expectedTasks } from './expected-tasks.ts';
import { type Scan, scanResults } from './scan-results.ts';

/** The parts whose results are at the provider, and not on disk yet. */
export function partsToCollect(record: BatchRecord): CreatedPart[] {
  return record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.seen.processing_status === 'ended' && progress.results === null);
}

/**
 * Brings the results of every ended part onto the disk: whole, checked and indexed. Any number of processes
 * may do so at once. Throws the provider's errors; what is on disk then stays, and the rest is tried again
 * at the next touch.
 */
export async function collect(context: Context, batchId: string, report: Report): Promise<void> {
  const register = context.store.record(batchId);
  for (;;) {
    const record = await register.read();
    const part = record && partsToCollect(record)[0];
    if (!record || !part) return;
    if (record.adopted) await writeAdoptedTasks(context, record, part);
    const results = await collectPart(context, record, part, report);
    if (results === 'foreign') {
      await releaseForeign(context, record, part);
      return;
    }
    if (part.progress.tentative) await confirmPart(context, record, part);
    await updatePart(register, part.number, ({ progress }) =>
      progress.state === 'created' && progress.results === null ? { ...progress, results } : null,
    );
  }
}

async function collectPart(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  report: Report,
): Promise<SavedResults | 'foreign'> {
  const folder = context.store.folder(record.batch_id);
  const target = folder.partResults(part.number);
  const expected = await expectedTasks(folder, part);
  const onLine = (lines: number) =>
    report({ stage: 'downloading', done: part.first_task + lines, total: record.request_count });

  const fetched = (await exists(target))
    ? null
    : await download(context, record, part, target, expected, onLine);
  if (fetched === 'foreign') return 'foreign';
  const { scan, sha256 } = fetched ?? (await scanSaved(context, target, expected));
  await writeResultsIndex(folder.partResultsIndex(part.number), scan.index);
  return {
    saved_at: context.now().toISOString(),
    bytes: scan.index.resultsBytes,
    sha256,
    outcomes: scan.outcomes,
    usage: scan.usage,
    failures: scan.failures,
    warnings: isWhole(scan, part) ? [] : [shortfallWarning(scan, part)],
  };
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
async function scanSaved(context: Context, target: string, expected: ExpectedTasks) {
  const scan = await scanResults(readStoreFile(target), expected, context.catalog);
  return { scan, sha256: await sha256OfFile(target) };
}

/**
 * Fetches a part's results until they are whole, a few times at most; what a last clean download lacks is
 * then missing. Null where another process put its own in place meanwhile; `foreign` where a part that was
 * taken for ours turns out not to be.
 */
async function download(
  context: Context,
  record: BatchRecord,
  part: CreatedPart,
  target: string,
  expected: ExpectedTasks,
  onLine: (lines: number) => void,
): Promise<{ scan: Scan; sha256: string } | 'foreign' | null> {
  for (let fetch = 1; ; fetch += 1) {
    const last = fetch >= context.limits.downloads;
    const unfinished = await context.store.temporaryFile();
    const writer = guardWriter(target, await createFileWriter(unfinished));
    try {
      const bytes = context.provider(record.provider).streamResults(part.progress.provider_batch_id);
      const scan = await scanResults(written(bytes, writer), expected, context.catalog, onLine);
      // What was taken for ours holds what we never sent: it is somebody else's.
      if (part.progress.tentative && scan.strange.unknown > 0) return 'foreign';
      if (isWhole(scan, part) || last) {
        const { sha256 } = await writer.finish();
        return (await publish(unfinished, target)) ? { scan, sha256 } : null;
      }
      context.log(
        'warn',
        `${part.progress.provider_batch_id}: download ${fetch} came short (${shortfall(scan, part)})`,
      );
    } catch (error) {
      if (last || !(error instanceof BatchError)) throw error;
      context.log('warn', `${part.progress.provider_batch_id}: download ${fetch} failed (${error.message})`);
    } finally {
      await writer.close();
      await rm(unfinished, { force: true });
    }
  }
}

/** Writes what passes through. */
async function* written(chunks: AsyncIterable<Uint8Array>, writer: FileWriter): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    await writer.write(chunk);
    yield chunk;
  }
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

/** As many lines as the API counts, each with an id that was sent, none twice, none left out. */
function isWhole(scan: Scan, part: CreatedPart): boolean {
  const counts = Object.values(part.progress.seen.request_counts);
  const strange = scan.strange.unreadable + scan.strange.unknown + scan.strange.repeated;
  return (
    scan.lines === counts.reduce((sum, count) => sum + count, 0) &&
    strange === 0 &&
    scan.outcomes.missing === 0
  );
}

function shortfall({ lines, strange, outcomes }: Scan, part: Part): string {
  return (
    `${lines} lines for ${part.request_count} requests, ${outcomes.missing} without one, ` +
    `${strange.unreadable} unreadable, ${strange.unknown} of unknown ids, ${strange.repeated} repeated`
  );
}

function shortfallWarning(scan: Scan, part: Part): string {
  const { missing } = scan.outcomes;
  const what = missing > 0 ? `hold no answer for ${missing} tasks` : 'are not as they should be';
  return `The API's results ${what}, however often they were fetched (${shortfall(scan, part)}).`;
}
