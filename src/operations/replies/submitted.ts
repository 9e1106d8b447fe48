import { isDeepStrictEqual } from 'node:util';
import { BatchError, type ErrorCode, errorCodes, renderError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { Work } from '../../tasks/work.ts';
import { requireRecord } from '../find-batch.ts';
import type { SubmittedWork } from '../work/new-record.ts';
import { findPreparing, type Preparing } from './preparing.ts';
import { reportOf, type ShortReport, short } from './report.ts';

/** The batch that does the work; a duplicate already did so before this call. */
export type Submitted = { batch_id: string; duplicate: boolean };

const DUPLICATE_WARNING =
  'Nothing new was sent: the same work was submitted less than 24 hours ago, and this is that batch. ' +
  'To pay for it a second time, ask the person first, then call again with force_new: true.';

/** The reply to a submission. */
export async function replyTo(
  context: Context,
  { batch_id, duplicate }: Submitted,
  { output, work }: SubmittedWork,
): Promise<(ShortReport | Preparing) & { duplicate: boolean }> {
  const preparing = await findPreparing(context, batch_id);
  if (preparing !== null) return { ...preparing, duplicate };
  const record = await requireRecord(context, batch_id);
  const refusal = refusalOf(record);
  if (refusal !== null) throw refusal;
  const lastFailure = context.jobs.lastFailure(batch_id);
  const failures = lastFailure instanceof BatchError ? [lastFailure] : [];
  const job = context.jobs.find(batch_id);
  const report = short(await reportOf(context, { record, job, failures }));
  const outputFile = output.file?.path ?? null;
  const isIgnored = outputFile !== null && !record.outputs.some(({ path }) => path === outputFile);
  const pattern = output.answerFiles?.pattern;
  const warnings = [
    ...(duplicate ? [DUPLICATE_WARNING] : []),
    ...(isIgnored
      ? [`${outputFile} is not written automatically: call get_results with it as output_file.`]
      : []),
    ...(pattern !== undefined && record.answer_files?.pattern !== pattern
      ? [`No files are written by ${pattern}: call get_results with it as output_pattern.`]
      : []),
    ...unwritten(output.problem, record),
    ...(duplicate ? expectWarnings(work.expect, record.expect) : []),
    ...report.warnings,
  ];
  return { ...report, warnings, duplicate };
}

/**
 * What is wrong with the output that a repeated call asks for; that the batch has already written it is no problem.
 */
function unwritten(problem: BatchError | null, { outputs }: BatchRecord): string[] {
  if (problem === null || outputs.some(({ path }) => problem.message.includes(JSON.stringify(path))))
    return [];
  return [`The output that this call asks for is not written. ${renderError(problem)}`];
}

/** What answers are compared with is not part of the work, so the earlier batch keeps its own. */
function expectWarnings(asked: Work['expect'], kept: BatchRecord['expect']): string[] {
  if (asked === undefined || isDeepStrictEqual({ ...asked }, { ...kept })) return [];
  const what =
    kept === undefined
      ? 'compares its answers with no column'
      : `keeps its own expect, ${JSON.stringify(kept)}`;
  return [`expect is ignored: that batch ${what}. force_new: true compares again, and pays a second time.`];
}

/** The error where the key was refused or the API was out of reach: nothing was sent, and the batch waits. */
function refusalOf({ batch_id, parts }: BatchRecord): BatchError | null {
  const [first] = parts.flatMap(({ progress }) => (progress.state === 'not_sent' ? [progress.failure] : []));
  const isUnsent = parts.every(
    ({ progress }) => progress.state === 'not_sent' || progress.state === 'prepared',
  );
  const code = errorCodes.find((each) => each === first?.code);
  if (first === undefined || code === undefined || !isUnsent) return null;
  const isKey = code === 'api_refused' && (first.status === 401 || first.status === 403);
  if (!isKey && !unreached.has(code)) return null;
  const waits = `The work is checked and waits as ${batch_id}: once that is fixed, call retry_batch with this batch_id.`;
  const why = first.message.replace(' Nothing was sent.', '');
  return new BatchError(code, `Nothing was sent, and nothing is paid. ${why} ${waits}`);
}

/** `api_uncertain` stems from the listing before the create: a create with that failure would not be `not_sent`. */
const unreached: ReadonlySet<ErrorCode> = new Set(['no_credentials', 'api_unreachable', 'api_uncertain']);
