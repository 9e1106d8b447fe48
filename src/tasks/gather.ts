import { type Costs, createCostSheet } from '../cost/cost-sheet.ts';
import type { Sampled } from '../cost/input-rate.ts';
import type { KnownOutput } from '../cost/tally.ts';
import { BatchError } from '../errors.ts';
import { plainObject } from '../lib/exact-json.ts';
import type { Dialect } from '../provider/dialect.ts';
import type { ModelCatalog } from '../provider/models.ts';
import type { Report } from '../state/jobs.ts';
import type { Block } from './block.ts';
import { createWarningList } from './examine/check-rendered.ts';
import { createIdList, withoutNonces } from './ids.ts';
import type { ProblemList } from './problem-list.ts';
import { createSchemaList } from './schemas.ts';
import type { PlaceKind } from './task.ts';
import { requestText } from './write/write-bodies.ts';

/** Where checked requests go: to disk when they are to be sent, nowhere for an estimate. */
export type RequestSink<B = Block> = { add(block: B): Promise<void> | void };

/** A sink for work that is only checked and counted. */
export const nowhere: RequestSink<unknown> = { add: () => {} };

/** The sum of all blocks. */
export type Gathered = {
  /** The number of tasks, including invalid ones. */
  count: number;
  costs: Costs;
  /** The first request as it would be sent; empty where there is none. */
  first_request: string;
  task_types: string[];
  /** The shared settings that some of them use. */
  settings: ReadonlySet<string>;
  columns: ReadonlySet<string>;
  warnings: string[];
};

type Gathering = {
  dialect: Dialect;
  catalog: ModelCatalog;
  /** How the items are named in problems. */
  places: PlaceKind;
  /** Takes all problems with them. */
  problems: ProblemList;
  knownOutput: KnownOutput;
  /** Whether one of the requests fills the cache for the others. */
  primed?: boolean | undefined;
  /** How many tasks there will be, where that is known. */
  total: number | null;
  report: Report;
  /** Stops the gathering; nothing is kept. */
  signal?: AbortSignal | undefined;
};

/**
 * Takes the blocks of any source as they come: notes problems, counts and prices, and hands each valid block to
 * `sink`. If there is any problem in the end, the sink's content is useless.
 */
export async function gather<B extends Block>(
  blocks: AsyncIterable<B>,
  sink: RequestSink<B>,
  { dialect, catalog, places, problems, knownOutput, primed, total, report, signal }: Gathering,
): Promise<Gathered> {
  const ids = createIdList(places);
  const schemas = createSchemaList();
  const sheet = createCostSheet(dialect, knownOutput, { primed });
  const warnings = createWarningList();
  const taskTypes = new Set<string>();
  const settings = new Set<string>();
  const columns = new Set<string>();
  let count = 0;
  let first_request = '';

  for await (const block of blocks) {
    if (signal?.aborted) throw givenUp();
    count += block.items;
    report({ stage: 'preparing', done: count, total });
    const wrongSchemas = await schemas.check(block.schemas);
    const found = [...ids.noteAll(block.ids), ...block.problems, ...wrongSchemas].sort(
      (a, b) => a.number - b.number,
    );
    problems.add(...found.map(({ problem }) => problem));
    problems.addUnnamed(block.unnamed_problems);
    for (const column of block.columns) columns.add(column);
    // Problems of all rows alike are reported once the columns are known, which may be at the end.
    if (problems.count > 0 || block.tasks.lengths.length < block.items) continue;

    warnings.merge(block.warnings);
    for (const taskType of block.task_types) taskTypes.add(taskType);
    for (const name of block.settings) settings.add(name);
    const requests = block.requests.lengths.length;
    if (first_request === '' && requests > 0) first_request = requestText(block.requests, 0);
    sheet.merge(block.costs, requests, (index) =>
      sampled(requestText(block.requests, index), dialect, catalog),
    );
    await sink.add(block);
  }

  if (signal?.aborted) throw givenUp();
  return {
    count,
    costs: sheet.finish(),
    first_request,
    task_types: [...taskTypes],
    settings,
    columns,
    warnings: warnings.texts(count),
  };
}

/** A rendered request, in the form in which the API is asked to count it. */
export function sampled(text: string, { requests }: Dialect, catalog: ModelCatalog): Sampled {
  const params = plainObject(requests.decode(withoutNonces(text))?.params ?? {});
  const model = catalog.require(requests.facts(params).model ?? '');
  return { model, params, prompt: requests.size(params) };
}

export function givenUp(): BatchError {
  return new BatchError(
    'wrong_state',
    'The call was cancelled while the work was prepared. Nothing was sent or paid.',
  );
}
