import * as z from 'zod';
import { digestOf } from '../answers/figures/digest.ts';
import { type ExpectedReport, expectedIn } from '../answers/figures/expected-report.ts';
import { readPage } from '../answers/page/page.ts';
import { isFiltered } from '../answers/page/select.ts';
import { openView } from '../answers/view/view.ts';
import { costOf } from '../cost/cost.ts';
import { spendingOf, thinkingNote } from '../cost/spending.ts';
import { BatchError } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import type { Context } from '../state/context.ts';
import type { Waiting } from '../state/jobs.ts';
import { isSaved } from '../state/status.ts';
import type { BatchRecord } from '../store/record.ts';
import { roundedWarnings } from '../tasks/argument-numbers.ts';
import { batchId, costUsd, filterFields, filtersOf, processingStatus } from './fields.ts';
import { outputArgument } from './file-argument.ts';
import { requireRecord } from './find-batch.ts';
import { watch } from './looking/watch.ts';
import { defineOperation, type ReplyOf } from './operation.ts';
import { afterAnswers, type Detail, details, nothingYet, type Results } from './replies/answers-reply.ts';
import { ANSWER_NAMES, groupsOf } from './replies/groups.ts';
import { nextStep } from './replies/next-step.ts';
import { findPreparing } from './replies/preparing.ts';
import { reportOf } from './replies/report.ts';
import { lastTask } from './waiting/stages.ts';
import { answerFileFields } from './work/requested-output.ts';
import { areWritten, checkOutputs } from './written-outputs.ts';

const input = z.strictObject({
  batch_id: batchId,
  detail: z.enum(details).optional().describe('full adds model, usage, content, …'),
  ...filterFields,
  fields: z.array(z.string().min(1)).nonempty().optional().describe('Only these, as ["json.label"]'),
  group_by: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Counts by outcome, variant, model, json.key, row.column'),
  limit: z.int().min(1).max(200).optional().describe('Answers per page, default 50'),
  cursor: z.string().max(1000).optional().describe('next_cursor of the last reply'),
  output_file: outputArgument.optional().describe('Writes there what the filters leave'),
  ...answerFileFields,
  overwrite: z.boolean().optional().describe('Only replaces a file that this server wrote'),
});

type ResultsRequest = Omit<z.output<typeof input>, 'batch_id'>;

/**
 * A batch's answers, by page and filter, and in a file where the call asks for one. Before the batch has ended, the
 * reply is a normal one without the answers that are still pending.
 */
export const results = defineOperation({
  name: 'results',
  input,
  output: z.looseObject({
    batch_id: z.string(),
    provider: z.string(),
    processing_status: processingStatus,
    totals: z.record(z.string(), z.number()),
    results: z.array(z.looseObject({ task_id: z.string(), outcome: z.string() })),
    error_digest: z.array(z.looseObject({ type: z.string(), count: z.number(), retryable: z.boolean() })),
    next_cursor: z.string().nullable(),
    output_files: z.array(z.string()),
    cost_usd: costUsd,
  }),
  run: (context, { batch_id, ...request }, waiting) => readResults(context, batch_id, request, waiting),
  nextStep: (found) => (found.results_state === 'saved' ? afterAnswers(found) : nextStep(found)),
});

export type ResultsReply = ReplyOf<typeof results>;

/** Above this many tasks a reply points to the answers instead of listing them. */
const SUMMARY_ABOVE = 50;
const DEFAULT_LIMIT = 50;
const SAMPLES = 3;
const SAMPLE_CHARACTERS = 4_000;

/** The path of the file is checked before anything is downloaded. */
async function readResults(
  context: Context,
  batchId: string,
  given: ResultsRequest,
  waiting: Waiting,
): Promise<Results> {
  const { request, notes } = await aboutWhatIsLeft(context, batchId, given);
  const wanted = await checkOutputs(context, batchId, request, filtersOf(request));
  const asksForFiles = wanted.file !== null || wanted.answerFiles !== null;
  const start = performance.now();
  const preparing = await findPreparing(context, batchId);
  if (preparing) return nothingYet(preparing);
  const looked = await watch(context, batchId, waiting);
  const saved = isSaved(looked.record);
  const left = start + context.limits.callMs - performance.now();
  const written = asksForFiles && saved && (await areWritten(context, looked.record, wanted, left, waiting));
  const record = written ? await requireRecord(context, looked.record.batch_id) : looked.record;
  const seen = { ...looked, record };

  const report = await reportOf(context, seen);
  const detail = request.detail ?? defaultDetail(request, record.request_count);
  const head = {
    batch_id: record.batch_id,
    provider: record.provider,
    processing_status: report.processing_status,
    detail,
    totals: { total: record.request_count, ...report.outcomes },
    error_digest: await digestOf(context, record),
    ...(detail === 'summary' && (await expectedOf(context, record))),
    results_state: report.results_state,
    output_files: report.output_files,
    ...(report.answer_files && { answer_files: report.answer_files }),
    cost_usd: costOf(record),
    ...(report.progress && { progress: report.progress }),
    check_again_in_seconds: report.check_again_in_seconds,
    warnings: [
      ...report.warnings,
      ...(asksForFiles && !written ? [saved ? STILL_WRITING : NOT_YET_WRITTEN] : []),
    ],
  };
  const spending = request.cursor === undefined && !request.group_by ? spendingOf(record) : null;
  if (spending !== null) head.warnings.push(...thinkingNote(record));
  const groups = await groupsOf(context, record, request.group_by, filtersOf(request));
  const used = JSON.stringify({ ...head, spending, groups }).length;
  const page = groups
    ? { results: [], next_cursor: null }
    : await pageOf(context, record, request, detail, used);
  const nothing = request.where && !groups && page.results.length === 0 && request.cursor === undefined;
  const warnings = [
    ...head.warnings,
    ...notes,
    ...(groups?.warnings ?? []),
    ...(nothing ? [`No answer matches where. ${ANSWER_NAMES}`] : []),
    ...roundedWarnings({ where: request.where }),
    ...unknownFields(request, page.results),
    ...(request.fields && request.output_file !== undefined ? [FIELDS_AND_FILE] : []),
  ];
  return { ...head, ...(spending && { spending }), ...groups, ...page, warnings };
}

const FIELDS_AND_FILE =
  'fields chooses what this reply shows: the file has all of each answer, or with output_key one key of it.';

function unknownFields({ fields = [] }: ResultsRequest, results: readonly object[]): string[] {
  const isThere = (name: string) =>
    results.some((result) => Object.entries(result).some(([key, value]) => key === name && value !== null));
  const unknown = results.length === 0 ? [] : fields.filter((name) => !isThere(name));
  if (unknown.length === 0) return [];
  return [`No answer here has what fields names (${unknown.map(quoteName).join(', ')}). ${ANSWER_NAMES}`];
}

/** Of a merge, a call that chooses nothing means the final answer. */
async function aboutWhatIsLeft({ store }: Context, batchId: string, request: ResultsRequest) {
  const { merge, waits } = (await store.record(batchId).read()) ?? {};
  const isAsked = request.group_by !== undefined || isFiltered(filtersOf(request));
  if (merge === undefined || waits !== undefined || isAsked) return { request, notes: [] };
  const task_ids = [lastTask(merge.stages)];
  const note =
    'Of a merge only the last answer is shown; outcomes ["succeeded"] gives those of its stages too.';
  return { request: { ...request, task_ids }, notes: [note] };
}

/** How many answers are as expected, where the work says what to expect. */
async function expectedOf(context: Context, record: BatchRecord): Promise<{ expected?: ExpectedReport }> {
  if (record.expect === undefined || record.waits) return {};
  return { expected: await expectedIn(await openView(context, record)) };
}

const NOT_YET_WRITTEN =
  'The files were not written: not all results are in. Call again when the batch has ended.';

const STILL_WRITING =
  'Files are still being written; batch_status lists them (output_files, answer_files) when they are there.';

function defaultDetail(request: ResultsRequest, count: number): Detail {
  if (request.cursor || request.fields || isFiltered(filtersOf(request)))
    return request.output_file ? 'summary' : 'concise';
  return count > SUMMARY_ABOVE || request.output_file || request.output_pattern ? 'summary' : 'concise';
}

async function pageOf(
  context: Context,
  record: BatchRecord,
  request: ResultsRequest,
  detail: Detail,
  used: number,
) {
  // The tasks of another program's batch are known only from its results.
  if ((record.adopted && !isSaved(record)) || record.waits) return { results: [], next_cursor: null };
  const filters = filtersOf(request);
  const { fields } = request;
  const room = Math.max(2_000, context.limits.replyCharacters - used);
  if (detail !== 'summary') {
    const limit = request.limit ?? DEFAULT_LIMIT;
    const paging = {
      limit: request.sample ?? limit,
      cursor: request.cursor,
      fields,
      full: detail === 'full',
    };
    return readPage(context, record, { ...filters, ...paging }, room);
  }
  if (request.cursor !== undefined) {
    throw new BatchError('invalid_input', 'A summary has no pages.', {
      problems: [
        { field: 'cursor', problem: 'does not go with detail summary', valid: 'detail concise or full' },
      ],
    });
  }
  const outcomes = filters.outcomes ?? (filters.where === undefined ? ['succeeded' as const] : undefined);
  const sampling = { ...filters, outcomes, fields, limit: SAMPLES, full: false };
  const page = await readPage(context, record, sampling, Math.min(room, SAMPLE_CHARACTERS));
  return { results: page.results, next_cursor: null };
}
