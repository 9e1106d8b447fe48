import { BatchError, type Problem } from '../../errors.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import type { AllowedFolders } from '../../lib/files/allowed-folders.ts';
import { plainName } from '../../lib/names.ts';
import type { Context } from '../../state/context.ts';
import { readContext } from '../../tasks/sources/read-context.ts';
import { labelSchema, type ReadLabels, readLabels } from '../../tasks/sources/read-labels.ts';
import type { TaskDefaults } from '../../tasks/task.ts';
import { readVariants, settingsOf } from '../../tasks/variants.ts';
import type { AnswersSource, Work, WorkSource } from '../../tasks/work.ts';
import { expectedKeys } from './answer-keys.ts';
import { type GivenAnswers, meantMerge } from './from-batch.ts';
import { primerOf } from './primer.ts';
import { AUTO, packSize } from './work-fields.ts';

type SourceArguments = {
  requests?: unknown[] | undefined;
  requests_file?: string | undefined;
  rows_file?: string | undefined;
  input_files?: string[] | undefined;
  from_batch?: string | undefined;
  outcomes?: string[] | undefined;
  id_column?: string | undefined;
  join_file?: string | undefined;
  split_chars?: number | undefined;
};

export type WorkArguments = Omit<TaskDefaults, 'context' | 'primer'> &
  SourceArguments & {
    labels?: string[] | string | undefined;
    expect?: Record<string, string> | undefined;
    context_files?: string[] | undefined;
    primer?: boolean | undefined;
    max_tasks?: number | undefined;
    pack?: number | string | undefined;
    variants?: Record<string, unknown> | undefined;
    merge?: number | string | undefined;
  };

export const sources = ['requests', 'requests_file', 'rows_file', 'input_files', 'from_batch'] as const;

function givenSources(args: SourceArguments) {
  const given = sources.filter((name) => args[name] !== undefined);
  // An empty list beside another source comes from a client that fills in every argument.
  return given.length > 1 && args.requests?.length === 0
    ? given.filter((name) => name !== 'requests')
    : given;
}

/** Whether a call names any source of tasks. */
export const hasTasks = (args: WorkArguments): boolean => givenSources(args).length > 0;

/**
 * The work that a call's arguments describe. Throws `invalid_input` unless there is exactly one source, and for
 * unusable labels.
 */
export async function toWork(
  args: WorkArguments,
  { limits, folders, templates }: Pick<Context, 'limits' | 'folders' | 'templates'>,
  answersOf: (given: GivenAnswers) => Promise<AnswersSource>,
): Promise<Work> {
  // The template files may have changed since the last call.
  await templates.refresh();
  const given = sourceOf(args, limits.inlineBytes);
  const source = given.kind === 'from_batch' ? await answersOf(given) : given;
  const { task_type, prompt, input_data, system, model_tier, model, effort, max_tokens } = args;
  const labels = await labelsOf(args, folders);
  const output_schema = labels === null ? args.output_schema : labelSchema(labels.labels);
  const context = args.context_files && (await readContext(args.context_files, folders));
  const models = { model_tier, model, effort, max_tokens };
  const labelled = labels === null ? undefined : true;
  const shared = { task_type, prompt, input_data, system, ...models, output_schema, labelled };
  const merge = await mergeOf(args, source, folders);
  const primer = primerOf(args, { source, merge });
  const defaults = context === undefined ? shared : { ...shared, context: context.documents, ...primer };
  const variants = args.variants && readVariants(args.variants, defaults);
  const hasRows = args.rows_file !== undefined || args.from_batch !== undefined;
  if (!hasRows && Object.keys(args.expect ?? {}).length > 0)
    refuseBeside({ expect: args.expect }, 'rows_file');
  const [expect] = settingsOf({ defaults, variants }).map((settings) => expectedKeys(args, settings));
  const pack = packOf(args);
  const notes = [...(labels?.notes ?? []), ...(context?.notes ?? [])];
  return {
    source,
    defaults,
    variants,
    max_tasks: args.max_tasks,
    expect,
    ...(notes.length > 0 && { notes }),
    ...(merge !== undefined && { merge }),
    ...(pack !== undefined && { pack }),
  };
}

async function mergeOf(
  { merge: given, variants }: WorkArguments,
  source: WorkSource,
  folders: AllowedFolders,
): Promise<Work['merge']> {
  if (source.kind === 'requests' || source.kind === 'requests_file') {
    refuseBeside({ merge: given }, 'rows_file, input_files or from_batch');
  }
  const merge = await meantMerge(given, source, folders);
  if (typeof merge === 'number' && variants !== undefined) {
    const problem = 'is given together with variants, each of which would need stages of its own';
    throw invalid({ field: 'merge', problem, valid: 'a column, or no variants' });
  }
  if (typeof merge !== 'number' || merge >= 2) return merge;
  throw invalid({ field: 'merge', problem: `is ${merge}`, valid: 'a whole number, at least 2, or a column' });
}

/** One task per request is no pack, and a merge already has many items in each request. */
function packOf({ pack, merge }: WorkArguments): Work['pack'] {
  const size = pack === undefined ? 1 : (packSize(pack) ?? AUTO);
  if (size === 1) return undefined;
  if (merge === undefined) return size;
  throw invalid({
    field: 'pack',
    problem: 'is given together with merge, which puts many items into each request as it is',
    valid:
      'merge alone; or pack alone, and then from_batch with merge over its answers (it can be submitted at once, and waits)',
  });
}

async function labelsOf(
  { labels, output_schema, task_type, prompt }: WorkArguments,
  folders: AllowedFolders,
): Promise<ReadLabels | null> {
  if (labels === undefined) return null;
  const problem = 'is given together with labels, which say how an answer looks';
  if (output_schema !== undefined)
    throw invalid({ field: 'output_schema', problem, valid: 'one of the two' });
  if (task_type === 'classify_bulk' && prompt === undefined) {
    const valid = 'input_data: {"labels": […]}, or a prompt in place of the task_type';
    throw invalid({ field: 'labels', problem: 'does not go with classify_bulk, which has its own', valid });
  }
  return readLabels(labels, folders);
}

type GivenSource = Exclude<WorkSource, { kind: 'from_batch' }> | ({ kind: 'from_batch' } & GivenAnswers);

function sourceOf(args: SourceArguments, inlineBytes: number): GivenSource {
  const [given, ...others] = givenSources(args);
  const valid = `exactly one of ${sources.join(', ')}`;
  if (given === undefined) {
    throw invalid({ field: 'requests', problem: 'is missing: there is no work', valid });
  }
  if (others.length > 0) {
    throw invalid({ field: given, problem: `is given together with ${others.join(', ')}`, valid });
  }
  const { requests = [], requests_file, rows_file, input_files, from_batch, ...details } = args;
  const { id_column, join_file, split_chars, outcomes } = details;
  if (rows_file === undefined) refuseBeside({ id_column, join_file }, 'rows_file');
  if (input_files === undefined) refuseBeside({ split_chars }, 'input_files');
  if (from_batch === undefined) refuseBeside({ outcomes }, 'from_batch');
  if (from_batch !== undefined) return { kind: 'from_batch', from_batch, outcomes };
  if (requests_file !== undefined) return { kind: 'requests_file', path: requests_file };
  if (rows_file !== undefined) {
    const column = id_column === undefined ? undefined : plainName(id_column);
    return { kind: 'rows_file', path: rows_file, id_column: column, join_file };
  }
  if (input_files !== undefined) return { kind: 'input_files', patterns: input_files, split_chars };
  return { kind: 'requests', items: inline(requests, inlineBytes) };
}

/** Refuses arguments that go with one source only: beside another they would do nothing. */
function refuseBeside(args: Record<string, unknown>, source: string): void {
  const [field] = Object.keys(args).filter((name) => args[name] !== undefined);
  if (field === undefined) return;
  throw invalid({ field, problem: `goes with ${source} only`, valid: `${source}, or no ${field}` });
}

function inline(requests: unknown[], inlineBytes: number): unknown[] {
  const bytes = Number.isFinite(inlineBytes) ? Buffer.byteLength(stringifyExact(requests)) : 0;
  if (bytes <= inlineBytes) return requests;
  throw invalid({
    field: 'requests',
    problem: `is ${bytes} bytes`,
    valid: `at most ${inlineBytes} bytes inline; write the tasks to a .jsonl file and give it as requests_file`,
  });
}

function invalid(problem: Problem): BatchError {
  return new BatchError('invalid_input', 'The work was refused; nothing was sent.', {
    problems: [problem],
  });
}
