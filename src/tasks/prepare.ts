import { createHash } from 'node:crypto';
import { type Costs, createCostSheet } from '../cost/cost-sheet.ts';
import type { Sampled } from '../cost/input-rate.ts';
import { createTally, type KnownOutput, type Tally } from '../cost/tally.ts';
import { BatchError } from '../errors.ts';
import type { AllowedFolders } from '../lib/allowed-folders.ts';
import { plainObject } from '../lib/exact-json.ts';
import type { Dialect } from '../provider/dialect.ts';
import { dialectOf } from '../provider/dialects.ts';
import type { ModelCatalog } from '../provider/models.ts';
import type { ProviderAccount, ProviderName } from '../provider/provider.ts';
import type { Limits } from '../state/context.ts';
import type { Report } from '../state/jobs.ts';
import type { Block } from './block.ts';
import { canonicalText } from './canonical-text.ts';
import { checkRows, checkTaskPlaces } from './check-rows.ts';
import { createNonce } from './custom-ids.ts';
import type { Examination } from './examine.ts';
import { examineWork, placesIn } from './examine-work.ts';
import { createIdList } from './id-list.ts';
import { identityOf } from './identity.ts';
import { choosePack } from './packing/choose-pack.ts';
import { createProblemList } from './problems.ts';
import { refuseWrongShape } from './read-requests.ts';
import { checkShared, type Renderer } from './render.ts';
import { createWarningList } from './rendered-request.ts';
import { roundedWarnings } from './rounded-numbers.ts';
import { createSchemaList } from './schemas.ts';
import type { SourceFacts } from './sources/item-source.ts';
import { unusedWarnings } from './unused-settings.ts';
import { problemsOver } from './variants.ts';
import type { Work, WorkSource } from './work.ts';
import { requestText } from './write-bodies.ts';

/** Where prepared requests go: onto disk when they are to be sent, nowhere for an estimate. */
export type RequestSink = {
  add(block: Pick<Block, 'requests' | 'tasks' | 'packed' | 'schemas' | 'is_stand_in'>): Promise<void> | void;
};

/** For what is only checked and counted. */
export const nowhere: RequestSink = { add: () => {} };

export type Prepared = {
  /** Its tasks. */
  request_count: number;
  /** Where tasks share requests: how many of these there are, and what the tasks would cost in requests of their own. */
  packed: { requests: number; alone: Tally; chosen: number } | null;
  content_hash: string;
  /** Of the same, whoever it is sent to. */
  work_hash: string;
  costs: Costs;
  /** The first request as it would be sent. */
  first_request: string;
  task_types: string[];
  warnings: string[];
  /** What a table or files gave; null for other work. */
  matched: Matched | null;
  /** How many tasks each stage has, where answers are merged again; else none. */
  stages: number[];
};

export type Matched = {
  /** Rows that became tasks, or files and parts of them. */
  rows?: number;
  files?: number;
  answers?: number;
  columns?: string[];
  /** What was left out, counted by reason. */
  skipped?: string;
};

export type Preparation = Omit<Renderer, 'dialect'> & {
  work: Work;
  provider: ProviderName;
  account: ProviderAccount;
  folders: AllowedFolders;
  limits: Pick<Limits, 'partBytes' | 'threadedBytes'>;
  today: string;
  /** Ends the preparation: nothing of it is kept. */
  signal?: AbortSignal | undefined;
  /** What answers took before, where that is known. */
  knownOutput: KnownOutput;
};

const REFUSED = 'The work was refused; nothing was sent and nothing was paid. Correct this and call again:';

/**
 * Reads, checks, renders, counts and hashes the work in one pass, whatever its size, and hands the requests
 * to `sink`. Throws `invalid_input` with all problems at once; the sink's work is then for nothing.
 */
export async function prepare(
  preparation: Preparation,
  sink: RequestSink,
  report: Report,
): Promise<Prepared> {
  const { work, provider, account, catalog, limits, signal } = preparation;
  const dialect = dialectOf(provider);
  const places = placesIn(work.source);
  const examination: Examination = {
    ...preparation,
    dialect,
    defaults: work.defaults,
    variants: work.variants,
    partBytes: limits.partBytes,
    nonce: createNonce(),
    places,
  };
  const chosen = work.pack === undefined ? 1 : await choosePack(work, examination, preparation);
  const size = work.pack === 'auto' ? chosen : (work.pack ?? 1);
  const packed = work.pack === undefined ? null : { requests: 0, alone: createTally(), chosen };
  const problems = createProblemList();
  const ids = createIdList(places);
  const earlier = identityOf(work, preparation.templates);
  const packing = work.pack === undefined ? [] : [{ pack: work.pack }];
  const meaning = [provider, account.base_url, account.workspace, ...packing, ...(earlier ?? [])];
  const contentHash = createHash('sha256').update(canonicalText(meaning));
  const workMeaning = [...packing, ...(earlier ?? [])];
  const workHash = createHash('sha256').update(workMeaning.length === 0 ? '' : canonicalText(workMeaning));
  const sheet = createCostSheet(dialect, preparation.knownOutput);
  const warnings = createWarningList();
  const taskTypes = new Set<string>();
  const settings = new Set<string>();
  const schemas = createSchemaList();
  let count = 0;
  let firstRequest = '';
  const read: { source: SourceFacts | null } = { source: null };
  const columns = new Set<string>();
  const checkColumns = (names: readonly string[]) =>
    problems.add(
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
  for await (const block of examineWork(work, examined, { ...preparation, begin })) {
    if (signal?.aborted) throw givenUp();
    count += block.items;
    report({ stage: 'preparing', done: count, total: null });
    const wrongSchemas = await schemas.check(block.schemas);
    const found = [...ids.noteAll(block.ids), ...block.problems, ...wrongSchemas].sort(
      (a, b) => a.number - b.number,
    );
    problems.add(...found.map(({ problem }) => problem));
    problems.addUnnamed(block.problem_count - block.problems.length);
    for (const column of block.columns) columns.add(column);
    // What stands against all rows alike is told when the columns are known, which can be at the end.
    if (problems.count > 0 || block.tasks.lengths.length < block.items) continue;

    warnings.merge(block.warnings);
    for (const taskType of block.task_types) taskTypes.add(taskType);
    for (const name of block.settings) settings.add(name);
    if (earlier === null) {
      contentHash.update(block.digests);
      workHash.update(block.digests);
    }
    const requests = block.requests.lengths.length;
    if (firstRequest === '' && requests > 0) firstRequest = requestText(block.requests, 0);
    if (packed !== null) {
      packed.requests += requests;
      packed.alone.merge(block.packed?.alone ?? block.costs.groups);
    }
    sheet.merge(block.costs, requests, (index) =>
      sampled(requestText(block.requests, index), dialect, catalog),
    );
    await sink.add(block);
  }

  if (signal?.aborted) throw givenUp();
  const { source } = read;
  if (source?.columns === null && count > 0) checkColumns([...columns]);
  if (problems.count > 0) await refuseWrongShape(work.source, preparation.folders);
  problems.throwIfAny(REFUSED);
  if (count === 0) throw emptyWork(work, source);
  return {
    request_count: count,
    packed,
    content_hash: contentHash.digest('hex'),
    work_hash: workHash.digest('hex'),
    costs: sheet.finish(),
    first_request: firstRequest,
    task_types: [...taskTypes],
    warnings: [
      ...(source?.warnings() ?? []),
      ...unusedWarnings(work.defaults, settings, count),
      ...roundedWarnings({ input_data: work.defaults.input_data }),
      ...warnings.texts(count),
    ],
    stages: source?.stages?.() ?? [],
    matched: source && matchedOf(work.source, source, [...columns], count / (work.variants?.length ?? 1)),
  };
}

function matchedOf({ kind }: WorkSource, source: SourceFacts, columns: string[], count: number): Matched {
  const skipped = source.skipped();
  return {
    ...matchedItems(kind, [...(source.columns ?? columns)], count),
    ...(skipped !== '' && { skipped }),
  };
}

function matchedItems(kind: WorkSource['kind'], columns: string[], count: number): Matched {
  if (kind === 'input_files') return { files: count };
  return kind === 'from_batch' ? { answers: count, columns } : { rows: count, columns };
}

function sampled(text: string, { requests }: Dialect, catalog: ModelCatalog): Sampled {
  const params = plainObject(requests.decode(text)?.params ?? {});
  const model = catalog.require(requests.facts(params).model ?? '');
  return { model, params, prompt: requests.size(params) };
}

export function givenUp(): BatchError {
  return new BatchError(
    'wrong_state',
    'The call was cancelled while the work was prepared. Nothing was sent or paid.',
  );
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
    const valid = 'a batch with finished answers; outcomes takes others in';
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
