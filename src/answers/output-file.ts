import { BatchError } from '../errors.ts';
import { createOutput } from '../lib/atomic-output.ts';
import { sha256OfFile } from '../lib/file-hash.ts';
import type { Context } from '../state/context.ts';
import { isSaved } from '../state/status.ts';
import type { BatchRecord } from '../store/record.ts';
import { outputFormat } from './output-format.ts';
import { renderOutput } from './render-output.ts';

/**
 * Checks a path that results are to be written to, before anything else is done: its ending, its folder,
 * and that it is free, or, with `overwrite`, a file of ours that nobody changed since. Gives it absolute.
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
  const written = await context.store.writtenFile(path).read();
  if (written === null || written.sha256 !== (await sha256OfFile(path))) {
    throw new BatchError(
      'not_allowed',
      `${JSON.stringify(path)} was not written by this server, or was changed since, and is not overwritten. ` +
        'Give another name.',
    );
  }
  return path;
}

/** Writes all answers of a batch to a checked path, in the format of its ending, whole or not at all. */
export async function writeOutputFile(
  context: Context,
  record: BatchRecord,
  path: string,
  replace: boolean,
): Promise<void> {
  const output = await createOutput(path, { replace });
  try {
    for await (const piece of renderOutput(context, record, outputFormat(path))) await output.write(piece);
    // Noted before it is seen: should this process die in between, the next one knows the file for ours.
    await output.commit(async ({ sha256 }) => {
      const at = context.now().toISOString();
      await context.store.writtenFile(path).update(() => ({ path, batch_id: record.batch_id, sha256, at }));
    });
    await noteOutput(context, record.batch_id, path, null);
  } catch (error) {
    await output.abort();
    throw error;
  }
}

/** Writes the files that were asked for at submission, once all results are in; why one can't be is kept. */
export async function writeRequestedOutputs(context: Context, batchId: string): Promise<void> {
  const record = await context.store.record(batchId).read();
  if (record === null || !isSaved(record)) return;
  for (const output of record.outputs) {
    if (output.written_at !== null || output.problem !== null) continue;
    try {
      await writeOutputFile(context, record, await checkOutputFile(context, output.path), false);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      const isThere = error.code === 'already_exists' && (await wasWritten(context, output.path, batchId));
      await noteOutput(context, batchId, output.path, isThere ? null : error.message);
    }
  }
}

/** Whether another process that saw the end as well has written a batch's file, or one that died since. */
async function wasWritten(context: Context, path: string, batchId: string): Promise<boolean> {
  const written = await context.store.writtenFile(path).read();
  return written?.batch_id === batchId && written.sha256 === (await sha256OfFile(path));
}

async function noteOutput(
  context: Context,
  batchId: string,
  path: string,
  problem: string | null,
): Promise<void> {
  const note = { path, written_at: problem === null ? context.now().toISOString() : null, problem };
  await context.store
    .record(batchId)
    .update(
      (record) =>
        record && { ...record, outputs: [...record.outputs.filter((output) => output.path !== path), note] },
    );
}
