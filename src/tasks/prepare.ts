import { primerProblem } from '../cost/caching.ts';
import type { Costs } from '../cost/cost-sheet.ts';
import { readOutputHistory } from '../cost/output-history.ts';
import { createTally, type KnownOutput, type Tally } from '../cost/tally.ts';
import { BatchError } from '../errors.ts';
import type { AllowedFolders } from '../lib/files/allowed-folders.ts';
import { isJsonObject } from '../lib/json.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { ProviderAccount, ProviderName } from '../provider/provider.ts';
import type { Context, Limits } from '../state/context.ts';
import type { Report } from '../state/jobs.ts';
import { roundedWarnings } from './argument-numbers.ts';
import { checkRows, checkTaskPlaces } from './examine/check-rows.ts';
import type { Examination } from './examine/examine-task.ts';
import { examineWork, placesIn } from './examine/examine-work.ts';
import { unusedWarnings } from './examine/unused-settings.ts';
import { gather, type RequestSink } from './gather.ts';
import { hashWork, type WorkHashes } from './identity.ts';
import { createNonce } from './ids.ts';
import type { LiveModels } from './live-models.ts';
import { choosePack } from './packing/choose-pack.ts';
import { createProblemList } from './problem-list.ts';
import { checkShared } from './render/render.ts';
import type { Renderer } from './render/rendered-task.ts';
import { refuseWrongShape } from './requests/read-requests.ts';
import type { SourceFacts } from './sources/item-source.ts';
import type { TableForm } from './sources/tables/table.ts';
import { isMovedKey } from './sources/tables/written-keys.ts';
import { problemsOver } from './variants.ts';
import type { Work, WorkSource } from './work.ts';

export type Prepared = WorkHashes & {
  /** Its tasks. */
  request_count: number;
  /** Where tasks share requests: the number of requests, and what the tasks would cost in requests of their own. */
  packed: { requests: number; alone: Tally; chosen: number } | null;
  costs: Costs;
  /** The first request as it would be sent. */
  first_request: string;
  task_types: string[];
  warnings: string[];
  /** What was found in a table or among files; null for other work. */
  matched: Matched | null;
  /** How the table of the rows is written; null for other work. */
  form: TableForm | null;
  /** The columns in the order in which they were written, where JavaScript's objects have another; null elsewhere. */
  columns: readonly string[] | null;
  /** How many tasks each stage of a merge has; empty for other work. */
  stages: number[];
};

export type Matched = {
  /** Rows or files that became tasks, alone or together. */
  rows?: number;
  files?: number;
  /** The number of parts, where files were split. */
  parts?: number;
  answers?: number;
  columns?: string[];
  /** What was left out, with counts by reason. */
  skipped?: string;
};

export type Preparation = Omit<Renderer, 'dialect'> & {
  work: Work;
  provider: ProviderName;
  account: ProviderAccount;
  folders: AllowedFolders;
  limits: Pick<Limits, 'partBytes' | 'threadedBytes'>;
  today: string;
  /** Stops the preparation; nothing is kept. */
  signal?: AbortSignal | undefined;
  /** How long earlier answers were, where that is known. */
  knownOutput: KnownOutput;
};

const REFUSED = 'The work was refused; nothing was sent and nothing was paid. Correct this and call again:';

/**
 * Reads, checks, renders, counts and hashes the work in one pass, whatever its size, and hands the requests to
 * `sink`. Throws `invalid_input` with all problems at once; the sink's content is useless then.
 */
export async function prepare(
  preparation: Preparation,
  sink: RequestSink,
  report: Report,
): Promise<Prepared> {
  const { work, provider, account, limits } = preparation;
  const dialect = dialectOf(provider);
  const places = placesIn(work.source);
  const examination: Examination = {
    ...preparation,
    dialect,
    defaults: work.defaults,
    variants: work.variants,
    expect: work.expect,
    partBytes: limits.partBytes,
    nonce: createNonce(),
    places,
  };
  const chosen = work.pack === undefined ? 1 : await choosePack(work, examination, preparation);
  const size = work.pack === 'auto' ? chosen : (work.pack ?? 1);
  const { primer: primed } = work.defaults;
  const packed = work.pack === undefined ? null : { requests: 0, alone: createTally({ primed }), chosen };
  const problems = createProblemList();
  const hashes = hashWork(work, [provider, account.base_url, account.workspace], preparation.templates);
  const read: { source: SourceFacts | null } = { source: null };
  const checkColumns = (names: readonly string[]) =>
    problems.addShared(
      ...problemsOver(work, (defaults) => checkRows({ ...work, defaults }, names, preparation.templates)),
    );
  const begin = (found: SourceFacts) => {
    read.source = found;
    if (found.columns !== null) checkColumns(found.columns);
  };

  problems.add(
    ...problemsOver(work, (defaults) => checkShared(defaults, examination)),
    ...checkTaskPlaces(work),
  );
  const examined = size > 1 ? { ...examination, pack: size } : examination;
  const blocks = examineWork(work, examined, { ...preparation, begin });
  const hashed: RequestSink = {
    add(block) {
      hashes.add(block);
      if (packed !== null) {
        packed.requests += block.requests.lengths.length;
        packed.alone.merge(block.packed?.alone ?? block.costs.groups);
      }
      return sink.add(block);
    },
  };
  const gathering = { ...preparation, dialect, places, problems, primed, total: null, report };
  const { count, columns, settings, ...gathered } = await gather(blocks, hashed, gathering);

  const { source } = read;
  if (source?.columns === null && count > 0) checkColumns([...columns]);
  if (problems.count > 0) await refuseWrongShape(work.source, preparation.folders, work.defaults);
  problems.throwIfAny(REFUSED);
  const unprimed = primed ? primerProblem(gathered.costs.prefixes, gathered.costs.rates) : null;
  if (count > 0 && unprimed !== null) problems.add(unprimed);
  problems.throwIfAny(REFUSED);
  if (count === 0) throw emptyWork(work, source);
  return {
    request_count: count,
    packed,
    ...hashes.digest(),
    costs: gathered.costs,
    first_request: gathered.first_request,
    task_types: gathered.task_types,
    warnings: [
      ...(work.notes ?? []),
      ...(source?.warnings() ?? []),
      ...unusedWarnings(work.defaults, settings, count),
      ...roundedWarnings({
        input_data: work.defaults.input_data,
        output_schema: work.defaults.output_schema,
        variants: Object.fromEntries(work.variants?.map(({ name, own }) => [name, own]) ?? []),
      }),
      ...gathered.warnings,
    ],
    form: source?.form ?? null,
    columns: movedColumns([...(source?.columns ?? columns)]),
    stages: source?.stages?.() ?? [],
    matched: source && matchedOf(work.source, source, [...columns], count / (work.variants?.length ?? 1)),
  };
}

const movedColumns = (columns: readonly string[]) => (columns.some(isMovedKey) ? columns : null);

function matchedOf({ kind }: WorkSource, source: SourceFacts, columns: string[], count: number): Matched {
  const skipped = source.skipped();
  return {
    ...matchedItems(kind, source, [...(source.columns ?? columns)], source.items?.() ?? count),
    ...(skipped !== '' && { skipped }),
  };
}

function matchedItems(
  kind: WorkSource['kind'],
  { files }: SourceFacts,
  columns: string[],
  count: number,
): Matched {
  if (kind === 'input_files')
    return files === undefined ? { files: count } : { files: files(), parts: count };
  return kind === 'from_batch' ? { answers: count, columns } : { rows: count, columns };
}

function emptyWork({ source, max_tasks }: Work, facts: SourceFacts | null): BatchError {
  const skipped = facts?.skipped() ?? '';
  if (source.kind === 'input_files') {
    const problem = skipped === '' ? 'match no file' : `leave no file: ${skipped}`;
    const valid = 'paths or globs of text files, PDFs or images, as "src/**/*.ts"';
    return new BatchError('invalid_input', REFUSED, { problems: [{ field: source.kind, problem, valid }] });
  }
  if (source.kind === 'from_batch') {
    const problem = `has no such answer: ${skipped}`;
    const valid = 'a batch with finished answers; outcomes includes others';
    return new BatchError('invalid_input', REFUSED, { problems: [{ field: source.kind, problem, valid }] });
  }
  return new BatchError('invalid_input', REFUSED, {
    problems: [
      max_tasks === undefined || max_tasks > 0
        ? { field: source.kind, problem: 'holds no tasks', valid: 'at least one task' }
        : { field: 'max_tasks', problem: 'leaves no task', valid: 'at least 1' },
    ],
  });
}

/** How long answers of the work's task types were. Read only where it may have any: that takes a look at fifty batches. */
export function outputHistoryOf(context: Context, { source, defaults }: Work): Promise<KnownOutput> {
  const hasTypes =
    defaults.task_type !== undefined ||
    source.kind === 'requests_file' ||
    (source.kind === 'requests' && source.items.some((item) => isJsonObject(item) && 'task_type' in item));
  return hasTypes ? readOutputHistory(context) : Promise.resolve(() => undefined);
}

/** Everything that preparing work needs, with what is known about the models. */
export async function preparationOf(
  context: Context,
  { work, provider, account, signal }: Pick<Preparation, 'work' | 'provider' | 'account' | 'signal'>,
  known: LiveModels,
): Promise<Preparation> {
  const today = context.now().toISOString().slice(0, 10);
  const knownOutput = await outputHistoryOf(context, work);
  const catalog = context.catalog.withLive(known);
  return { ...context, catalog, work, provider, account, today, knownOutput, signal };
}
