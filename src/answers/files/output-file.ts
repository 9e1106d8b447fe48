import { BatchError } from '../../errors.ts';
import { createOutput } from '../../lib/files/atomic-output.ts';
import { sha256OfFile } from '../../lib/files/file-hash.ts';
import { countHalves } from '../../lib/half-characters.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { isSaved, latestResults } from '../../state/status.ts';
import type { AnswerFiles, BatchRecord } from '../../store/record.ts';
import { type Filters, outputFilters } from '../page/select.ts';
import { keysInstead } from './keys-of-answers.ts';
import { isLinked, outputFormat } from './output-format.ts';
import { renderOutput } from './render-output.ts';
import { writeAnswerFiles } from './write-answer-files.ts';
import { isOursAt, noteWritten } from './written-file.ts';

/**
 * Checks the path for a file of results before anything else is done: its ending, its folder, and that it is free
 * or, with `overwrite`, a file of ours that nobody has changed since. Returns the absolute path.
 */
export async function checkOutputFile(context: Context, given: string, overwrite = false): Promise<string> {
  if (context.readOnly) {
    throw new BatchError(
      'not_allowed',
      'This server is read-only and writes no files. Leave output_file out.',
    );
  }
  outputFormat(given);
  const { path, exists } = await context.folders.checkForWriting(given);
  if (!exists) return path;
  if (!overwrite) {
    throw new BatchError(
      'already_exists',
      `${JSON.stringify(path)} exists already and was left as it is. Give another name, or overwrite: true ` +
        'in get_results for a file that this server wrote.',
    );
  }
  if (!(await isOursAt(context, path, await sha256OfFile(path)))) {
    throw new BatchError(
      'not_allowed',
      `${JSON.stringify(path)} was not written by this server, or was changed since, and is not overwritten. ` +
        'Give another name.',
    );
  }
  return path;
}

/** A file for the selected answers, or for all; with `key` it holds that key of each answer alone. */
export type OutputRequest = {
  path: string;
  key?: string | undefined;
  filters?: Filters | undefined;
  replace: boolean;
};

/** Writes a batch's answers to a checked path, in the format of its ending, completely or not at all. */
export async function writeOutputFile(
  context: Context,
  record: BatchRecord,
  { path, replace, ...asked }: OutputRequest,
): Promise<void> {
  const keys = await keysInstead(context, record, asked);
  const note = { path, ...asked, ...(keys && { keys }) };
  if (isLinked(path)) return noteOutput(context, record.batch_id, note, null);
  const mayReplace = (sha256: string) => isOursAt(context, path, sha256);
  const output = await createOutput(path, { replace, mayReplace });
  try {
    let halves = 0;
    for await (const piece of renderOutput(context, record, outputFormat(path), asked)) {
      if (typeof piece === 'string') halves += countHalves(piece);
      await output.write(piece);
    }
    await output.commit(({ sha256 }) => noteWritten(context, { path, batch_id: record.batch_id, sha256 }));
    await noteOutput(context, record.batch_id, { ...note, halves }, null);
  } catch (error) {
    await output.abort();
    throw error;
  }
}

/**
 * Writes the files that were asked for at submission once all results are in, and rewrites those that a retry has made
 * outdated, unless somebody changed them. If one can't be written, the reason is kept.
 */
export async function writeRequestedOutputs(
  context: Context,
  batchId: string,
  report: Report,
): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record === null || context.readOnly || !hasOutputsToWrite(record)) return;
  const tell = (done: number) => report({ stage: 'writing', done, total: record.request_count });
  tell(0);
  for (const output of record.outputs) {
    if (!isDue(record, output)) continue;
    const { path, key } = output;
    const filters =
      output.filters === undefined ? undefined : outputFilters.parse(JSON.parse(output.filters));
    const isOld = output.written_at !== null;
    try {
      if (isLinked(path)) {
        await writeOutputFile(context, record, { path, key, filters, replace: false });
        continue;
      }
      const replace = isOld && (await isThere(context, path));
      await writeOutputFile(context, record, {
        path: await checkOutputFile(context, path, replace),
        key,
        filters,
        replace,
      });
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      const isWritten = error.code === 'already_exists' && (await wasWritten(context, path, batchId));
      const problem = isOld ? `${OLD} ${error.message}` : error.message;
      await noteOutput(context, batchId, output, isWritten ? null : problem);
    }
  }
  if (areAnswerFilesDue(record)) await writeRequestedAnswerFiles(context, record, tell);
}

const OLD = 'it holds the answers from before the last retry.';

async function isThere(context: Context, path: string): Promise<boolean> {
  return (await context.folders.checkForWriting(path)).exists;
}

function isDue(record: BatchRecord, { written_at, problem }: BatchRecord['outputs'][number]): boolean {
  return problem === null && (written_at === null || Date.parse(written_at) < latestResults(record));
}

/** Whether all results are in, and a file that was asked for is missing or older than a retry. */
export function hasOutputsToWrite(record: BatchRecord): boolean {
  return (
    isSaved(record) && (record.outputs.some((output) => isDue(record, output)) || areAnswerFilesDue(record))
  );
}

type WithAnswerFiles = BatchRecord & { answer_files: AnswerFiles };

/** Also writes files for the answers that a retry brought. */
function areAnswerFilesDue(record: BatchRecord): record is WithAnswerFiles {
  const { answer_files } = record;
  if (answer_files === undefined || answer_files.problem !== null) return false;
  const { written_at } = answer_files;
  return written_at === null || Date.parse(written_at) < latestResults(record);
}

async function writeRequestedAnswerFiles(
  context: Context,
  record: WithAnswerFiles,
  onWritten: (done: number) => void,
): Promise<void> {
  const { answer_files: asked } = record;
  try {
    const { pattern, key } = asked;
    await noteAnswerFiles(
      context,
      record,
      await writeAnswerFiles(context, record, { pattern, key, overwrite: 'own', onWritten }),
    );
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    await noteAnswerFiles(context, record, { ...asked, problem: error.message });
  }
}

/** Records how the files per answer turned out, so that every later look can tell. */
export async function noteAnswerFiles(
  context: Pick<Context, 'store'>,
  { batch_id }: BatchRecord,
  answer_files: AnswerFiles,
): Promise<void> {
  await context.store.record(batch_id).update((record) => record && { ...record, answer_files });
}

/** Whether another process, which saw the end too or has died since, has written a batch's file. */
async function wasWritten(context: Context, path: string, batchId: string): Promise<boolean> {
  return (await unchangedSince(context, path, batchId)) !== null;
}

/** The SHA-256 of a batch's file that nobody has changed since it was written; null for any other. */
export async function unchangedSince(
  context: Context,
  path: string,
  batchId: string,
): Promise<string | null> {
  const written = await context.store.writtenFile(path).read();
  return written?.batch_id === batchId && written.sha256 === (await sha256OfFile(path))
    ? written.sha256
    : null;
}

type OutputNote = {
  path: string;
  key?: string | undefined;
  keys?: string[] | undefined;
  filters?: Filters | string | undefined;
  halves?: number | undefined;
};

async function noteOutput(
  context: Context,
  batchId: string,
  { path, key, keys, filters, halves = 0 }: OutputNote,
  problem: string | null,
): Promise<void> {
  const written_at = problem === null ? context.now().toISOString() : null;
  const kept = filters === undefined || typeof filters === 'string' ? filters : JSON.stringify(filters);
  const note = {
    path,
    written_at,
    problem,
    ...(key !== undefined && { key }),
    ...(keys !== undefined && { keys }),
    ...(kept !== undefined && { filters: kept }),
    ...(halves > 0 && { halves }),
  };
  await context.store
    .record(batchId)
    .update(
      (record) =>
        record && { ...record, outputs: [...record.outputs.filter((output) => output.path !== path), note] },
    );
}
