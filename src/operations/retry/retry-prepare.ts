import { createHash } from 'node:crypto';
import { openView } from '../../answers/view/view.ts';
import type { Costs } from '../../cost/cost-sheet.ts';
import { countCosts } from '../../cost/count-sample.ts';
import type { InputRates } from '../../cost/input-rate.ts';
import { countOutside } from '../../cost/outside-sources.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { nextWaiting } from '../../state/parts.ts';
import type { Ask } from '../../state/questions.ts';
import { missingCertainAt } from '../../state/status.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { openTasks, type Tasks } from '../../store/task-list.ts';
import { roundedWarnings } from '../../tasks/argument-numbers.ts';
import { unusedWarnings } from '../../tasks/examine/unused-settings.ts';
import { type Gathered, gather, type RequestSink } from '../../tasks/gather.ts';
import { checkLiveModels, knownModels } from '../../tasks/live-models.ts';
import { createProblemList, type ProblemList } from '../../tasks/problem-list.ts';
import { familyNote, modelNamed } from '../../tasks/render/choose.ts';
import { createChangedRequests } from '../../tasks/sources/sent/change-sent.ts';
import {
  createSentExaminer,
  examineSent,
  type SentBlock,
  sentItems,
} from '../../tasks/sources/sent/examine-sent.ts';
import { openSentRequests } from '../../tasks/sources/sent/sent-requests.ts';
import type { TaskDefaults } from '../../tasks/task.ts';
import { ofLowestStage, type StageAgain, stagesAgain } from './retry-merge.ts';
import { findNamed, type NamedTasks } from './retry-named.ts';
import { changesSomething, hasFilters, type RetryOptions } from './retry-options.ts';
import {
  type Causes,
  countCause,
  notesOf,
  nothingToRetry,
  requireSent,
  type Selected,
  type Selection,
  selectTasks,
} from './retry-selection.ts';

/** What a retry sends. */
export type PreparedRetry = {
  /** The hash of all that is sent now. */
  hash: string;
  request_count: number;
  /** The stages of a merge that are made again from these. */
  stages: StageAgain[];
  /** The tasks' previous outcomes, and their causes. */
  outcomes: Causes;
  error_types: Causes;
  costs: Costs;
  first_request: string;
  warnings: string[];
};

export type RetryPreparation = {
  /** The batch without the parts that are replaced. */
  record: BatchRecord;
  /** The replaced parts. Their tasks that are in no part of `record` were never sent, and are sent now. */
  unsent: readonly Part[];
  options: RetryOptions;
  report: Report;
  /** Stops before anything is sent. */
  signal?: AbortSignal | undefined;
  ask?: Ask | undefined;
  /** Whether this is an automatic retry: its cost was approved at submission. */
  byItself?: boolean | undefined;
  /** The share of their limit that unusable answers keep; all of it where left out. */
  shorter?: number | undefined;
};

const REFUSED = 'The retry was refused; nothing was sent and nothing was paid. Correct this and call again:';

/**
 * Chooses the tasks to send again, changes or replaces their requests as the options say, checks them anew and hands
 * each to `sink`, in the caller's order. Throws `invalid_input` with all problems at once, and `wrong_state` where
 * there is nothing to send; the sink's content is useless then.
 */
export async function prepareRetry(
  context: Context,
  preparation: RetryPreparation,
  sink: RequestSink<SentBlock>,
): Promise<PreparedRetry> {
  const { record, options, byItself = false } = preparation;
  const tasks = await openTasks(context.store.blobs(record.batch_id), record.request_count);
  const problems = createProblemList();
  const named = await findNamed(context, tasks, options, dialectOf(record.provider), problems);
  problems.throwIfAny(REFUSED);
  const { selection, stages } = await select(context, preparation, named);
  const known = await knownModels(context, record.provider);
  const catalog = context.catalog.withLive(known);
  const chosen = { tasks, selected: selection.selected, corrections: named.corrections };
  const made = await makeRequests(context, preparation, chosen, { catalog, problems, sink });
  const { count, costs, first_request, atLimit } = made;
  if (count === 0 && stages.length === 0) throw nothingToRetry(selection, record.request_count, atLimit.size);
  const { rates, unbounded } = await ratesOf(context, record, costs, byItself);
  const lifeWarnings = await checkLiveModels(context, {
    provider: record.provider,
    used: costs.tally.models(),
    known,
    // The API was asked at submission, and once a day since: its latest reply counts from the next call on.
    again: async () => {},
  });
  return {
    hash: made.hash,
    request_count: count,
    stages,
    ...causesOf(selection.selected.filter(({ ordinal }) => !atLimit.has(ordinal))),
    costs: { ...costs, rates, lines: costs.tally.lines(rates, costs.knownOutput) },
    first_request,
    warnings: [
      ...new Set([
        ...modelNotes(options, catalog),
        ...roundedWarnings({ output_schema: options.output_schema }),
        ...named.warnings,
        ...notesOf(selection, atLimit.size),
        ...(count === 0 ? [] : unusedWarnings(sharedSettings(options), made.settings, count)),
        ...made.warnings,
        ...unbounded,
        ...lifeWarnings,
      ]),
    ],
  };
}

type Chosen = Pick<NamedTasks, 'corrections'> & { tasks: Tasks; selected: readonly Selected[] };

type Made = Gathered & {
  hash: string;
  /** Tasks that are left out, since their answers were cut off and can't get longer. */
  atLimit: ReadonlySet<number>;
};

/** Makes the requests of the chosen tasks from those that were sent. Throws `invalid_input` with all problems. */
async function makeRequests(
  context: Context,
  { record, unsent, options, report, signal, shorter }: RetryPreparation,
  { tasks, selected, corrections }: Chosen,
  { catalog, problems, sink }: { catalog: ModelCatalog; problems: ProblemList; sink: RequestSink<SentBlock> },
): Promise<Made> {
  const dialect = dialectOf(record.provider);
  const today = context.now().toISOString().slice(0, 10);
  // Parts that were sent take precedence over changed ones that were not.
  const written = { ...record, parts: [...unsent, ...record.parts] };
  const sent = await openSentRequests(context.store.blobs(record.batch_id), written, dialect);
  const requests = createChangedRequests({ ...context, catalog }, options, dialect, shorter);
  const surroundings = { partBytes: context.limits.partBytes, dialect, today, catalog };
  const examiner = createSentExaminer(surroundings, requests, options);
  const hashed = hashedSink(sink);
  const gathered = await gather(
    examineSent(sentItems(tasks, sent, selected, corrections), examiner),
    hashed,
    {
      dialect,
      catalog,
      places: 'item',
      problems,
      // The length of earlier answers says little about failed ones: the tasks' own figures are used.
      knownOutput: () => undefined,
      total: selected.length,
      report,
      signal,
    },
  );
  problems.add(...requests.problems());
  problems.throwIfAny(REFUSED);
  const { settings } = requests;
  return { ...gathered, settings, hash: hashed.digest(), atLimit: examiner.atLimit };
}

/** Hands blocks on, and hashes all that is sent with them. */
function hashedSink(sink: RequestSink<SentBlock>): RequestSink<SentBlock> & { digest(): string } {
  const hash = createHash('sha256');
  return {
    add(block) {
      hash.update(block.digests);
      return sink.add(block);
    },
    digest: () => hash.digest('hex'),
  };
}

/** Which tasks are sent again, and which stages of a merge are made again from them. */
async function select(
  context: Context,
  { record, options, signal, byItself = false }: RetryPreparation,
  named: NamedTasks,
): Promise<{ selection: Selection; stages: StageAgain[] }> {
  const view = await openView(context, record);
  const certainAt = missingCertainAt(record) ?? 0;
  const mayYetCome = certainAt > context.now().getTime() ? certainAt : null;
  const found = await selectTasks(view, options, named, { missingCertainAt: mayYetCome, signal, byItself });
  // Waiting stages of a merge are sent on their own.
  const firstAwaited = nextWaiting(record.parts)?.first_task ?? Number.POSITIVE_INFINITY;
  const chosen = found.selected.filter(({ ordinal }) => ordinal < firstAwaited);
  const selection = { ...found, selected: ofLowestStage(record, chosen) };
  if (hasFilters(options)) requireSent(record.batch_id, selection);
  const isMerged = record.merge !== undefined && (chosen.length > 0 || !changesSomething(options));
  return { selection, stages: isMerged ? await stagesAgain(context, record, view, chosen) : [] };
}

function causesOf(sent: readonly Selected[]): Pick<PreparedRetry, 'outcomes' | 'error_types'> {
  const outcomes: Causes = {};
  const error_types: Causes = {};
  for (const { outcome, cause } of sent) {
    countCause(outcomes, outcome);
    if (cause !== null) countCause(error_types, cause);
  }
  return { outcomes, error_types };
}

/** The settings that a retry changes in all that it sends. */
function sharedSettings(options: RetryOptions): TaskDefaults {
  const { prompt, system, output_schema, model, model_tier, effort, max_tokens } = options;
  return { prompt, system, output_schema, model, model_tier, effort, max_tokens };
}

function modelNotes({ model }: RetryOptions, catalog: ModelCatalog): string[] {
  const named = model === undefined ? undefined : modelNamed(model, catalog);
  return named === undefined ? [] : familyNote(model, named, catalog);
}

/**
 * The rates of the input tokens. Where the reserved maximum rests on the API's count of each request, a retry within
 * it has to be counted by the API too: any other bound would make the same request cost more.
 */
async function ratesOf(
  context: Context,
  { provider: name, estimate }: BatchRecord,
  costs: Costs,
  byItself: boolean,
): Promise<{ rates: InputRates; unbounded: string[] }> {
  const provider = name === 'sandbox' ? null : context.provider(name);
  if (byItself && estimate?.basis === 'exact') return countCosts(provider, name, costs);
  const { rates, warnings } = await countOutside(provider, dialectOf(name), costs);
  return { rates, unbounded: warnings };
}
