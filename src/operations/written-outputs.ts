import {
  checkOutputFile,
  noteAnswerFiles,
  type OutputRequest,
  unchangedSince,
  writeOutputFile,
} from '../answers/files/output-file.ts';
import {
  type AnswerFilesRequest,
  checkAnswerFiles,
  writeAnswerFiles,
} from '../answers/files/write-answer-files.ts';
import { type Filters, isFiltered } from '../answers/page/select.ts';
import type { Context } from '../state/context.ts';
import { jobEndsWithin, type Waiting } from '../state/jobs.ts';
import type { BatchRecord } from '../store/record.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { finalFilters } from './waiting/stages.ts';
import { checkOutputKey, type OutputArguments } from './work/requested-output.ts';

/** The files that a call for results asks for, checked. */
type WantedOutputs = { file: OutputRequest | null; answerFiles: AnswerFilesRequest | null };

/**
 * Checks the requested files before anything is downloaded. Throws `invalid_input`, `not_allowed` or
 * `already_exists`.
 */
export async function checkOutputs(
  context: Context,
  batchId: string,
  request: OutputArguments & { overwrite?: boolean | undefined },
  filters: Filters,
): Promise<WantedOutputs> {
  const { output_file, output_pattern, overwrite = false } = request;
  const { fileKey, patternKey } = checkOutputKey(request);
  const file = output_file
    ? {
        path: await checkOutputFile(context, output_file, overwrite),
        key: fileKey,
        ...(isFiltered(filters) && { filters }),
        replace: overwrite,
      }
    : null;
  if (!output_pattern) return { file, answerFiles: null };
  const record = await context.store.record(batchId).read();
  await checkAnswerFiles(context, output_pattern, record?.source);
  const answerFiles = {
    pattern: output_pattern,
    key: patternKey,
    ...(isFiltered(filters) && { filters }),
    overwrite: overwrite ? ('ours' as const) : ('none' as const),
  };
  return { file, answerFiles };
}

/**
 * The SHA-256 of a file that holds all of a batch's answers already, as it was written and `isAsked` accepts its key; null
 * where it would have to be written first. A retry's answers are written into it by the look that finds them.
 */
export async function inPlace(
  context: Context,
  batchId: string,
  file: string,
  isAsked: (key: string | undefined) => boolean,
): Promise<string | null> {
  const record = await recordOrNull(context.store, batchId);
  if (record === null) return null;
  const { path, exists } = await context.folders.checkForWriting(file);
  const output = record.outputs.find((each) => each.path === path);
  // A submission with a merge asks for the final answer alone.
  const final = record.merge && finalFilters(record.merge.stages);
  const isAll = output !== undefined && [undefined, final].includes(output.filters) && isAsked(output.key);
  return exists && isAll ? unchangedSince(context, path, batchId) : null;
}

const LEAST_WRITING_MS = 1_000;

/**
 * Writes the requested files; false where that takes longer than `ms`, or `LEAST_WRITING_MS`. This process finishes
 * it then.
 */
export async function areWritten(
  context: Context,
  record: BatchRecord,
  { file, answerFiles }: WantedOutputs,
  ms: number,
  waiting: Waiting,
): Promise<boolean> {
  const start = { stage: 'writing', provider: record.provider } as const;
  const filters = JSON.stringify(file?.filters ?? answerFiles?.filters ?? {});
  const key = `${record.batch_id} ${file?.path ?? ''} ${answerFiles?.pattern ?? ''} ${filters}`;
  const job = context.jobs.run(key, start, async () => {
    if (file !== null) await writeOutputFile(context, record, file);
    if (answerFiles !== null) {
      await noteAnswerFiles(context, record, await writeAnswerFiles(context, record, answerFiles));
    }
  });
  return jobEndsWithin(job, Math.max(LEAST_WRITING_MS, ms), waiting);
}
