import type { Problem } from '../errors.ts';
import type { Model, ModelCatalog } from '../provider/models.ts';
import type { BatchRecord } from '../store/record.ts';
import { openTasks, type TaskEntry, type Tasks } from '../store/tasks-file.ts';
import { changeParams, type ParamsChange } from './change-params.ts';
import type { Context } from './context.ts';
import { type Costs, createCostSheet } from './cost-sheet.ts';
import type { Report } from './jobs.ts';
import { type LiveModels, readLiveModels } from './live-models.ts';
import { createProblemList, type ProblemList } from './problems.ts';
import { type Rendering, renderTask } from './render.ts';
import { checkRendered, createWarningList } from './rendered-request.ts';
import type { RetriedTask } from './retry-files.ts';
import { type Correction, type RetryOptions, readCorrections, unknownTask } from './retry-options.ts';
import {
  atLimitText,
  type Causes,
  countCause,
  finishedText,
  nothingToRetry,
  othersText,
  type Selected,
  type Selection,
  selectTasks,
} from './retry-selection.ts';
import { openSentRequests, type SentRequests } from './sent-requests.ts';
import { itemName, type TaskDefaults } from './task.ts';
import { openView } from './view.ts';

/** Where the requests of a retry go: onto disk when they are to be sent, nowhere for a dry run. */
export type RetrySink = { add(task: RetriedTask, request: Buffer): Promise<void> | void };

/** What a retry sends. */
export type PreparedRetry = {
  request_count: number;
  /** By what had become of the tasks, and why. */
  outcomes: Causes;
  error_types: Causes;
  costs: Costs;
  first_request: string;
  warnings: string[];
};

const REFUSED = 'The retry was refused; nothing was sent and nothing was paid. Correct this and call again:';

/** Tasks whose entries are read at a time. */
const CHUNK = 100;

/**
 * Chooses the tasks that are sent again, changes or replaces their requests as asked, checks them anew and hands
 * each to `sink`, in the caller's order. Throws `invalid_input` with all problems at once, and `wrong_state`
 * where there is nothing to send; the sink's work is then for nothing.
 */
export async function prepareRetry(
  context: Context,
  record: BatchRecord,
  options: RetryOptions,
  sink: RetrySink,
  report: Report,
): Promise<PreparedRetry> {
  const folder = context.store.folder(record.batch_id);
  const tasks = await openTasks(folder);
  const problems = createProblemList();
  const named = await findNamed(context, tasks, options, problems);
  problems.throwIfAny(REFUSED);

  const selection = await selectIn(context, record, options, named);
  const live = await readLiveModels(context, record.provider);
  const sent = await openSentRequests(folder, record);
  try {
    const retry = createRetry(context, options, selection, problems, live, sink);
    for (let start = 0; start < selection.selected.length; start += CHUNK) {
      const chunk = selection.selected.slice(start, start + CHUNK);
      const entries = await tasks.read(chunk.map(({ ordinal }) => ordinal));
      for (const [index, selected] of chunk.entries()) {
        const entry = entries[index];
        if (entry) await retry.add(selected, entry, named.corrections.get(selected.ordinal), sent);
      }
      report({ stage: 'preparing', done: start + chunk.length, total: selection.selected.length });
    }
    return await retry.finish(record.request_count);
  } finally {
    await sent.close();
  }
}

async function selectIn(
  context: Context,
  record: BatchRecord,
  options: RetryOptions,
  { taskIds, corrections }: Found,
): Promise<Selection> {
  const view = await openView(context, record);
  try {
    return await selectTasks(view, options, { taskIds, corrected: new Set(corrections.keys()) });
  } finally {
    await view.close();
  }
}

/** The tasks that the call names, by ordinal. */
type Found = { taskIds: Set<number> | undefined; corrections: Map<number, Correction> };

async function findNamed(
  context: Context,
  tasks: Tasks,
  options: RetryOptions,
  problems: ProblemList,
): Promise<Found> {
  const given = readCorrections(options.requests ?? [], context.limits.inlineBytes);
  problems.add(...given.problems);
  const wanted = new Set(options.task_ids);
  const taskIds = new Set<number>();
  const corrections = new Map<number, Correction>();
  let ordinal = 0;
  if (wanted.size + given.corrections.size > 0) {
    for await (const { task_id } of tasks.all()) {
      const correction = given.corrections.get(task_id);
      if (correction) corrections.set(ordinal, correction);
      given.corrections.delete(task_id);
      if (wanted.delete(task_id)) taskIds.add(ordinal);
      ordinal += 1;
    }
  }
  problems.add(...[...wanted].map((id) => unknownTask('task_ids', id)));
  for (const [id, { place }] of given.corrections) {
    problems.add({ ...unknownTask('task_id', id), item: itemName(place, id) });
  }
  return { taskIds: options.task_ids && taskIds, corrections };
}

/** Takes selected tasks one by one, and tells in the end what came of them. */
function createRetry(
  context: Context,
  options: RetryOptions,
  { leftOut, finishedButNamed, selected }: Selection,
  problems: ProblemList,
  live: LiveModels,
  sink: RetrySink,
) {
  const today = context.now().toISOString().slice(0, 10);
  const change = changeOf(context, options);
  // What answers took before says little of those that failed: the tasks' own figures are used.
  const sheet = createCostSheet(() => undefined);
  const warnings = createWarningList();
  const outcomes: Causes = {};
  const error_types: Causes = {};
  const removed = new Set<string>();
  let changed = 0;
  let atLimit = 0;
  let count = 0;
  let first_request = '';

  /** Null for an answer that can't get longer. */
  async function render(
    { ordinal, cause }: Selected,
    entry: TaskEntry,
    correction: Correction | undefined,
    sent: SentRequests,
  ): Promise<Rendering | null> {
    if (correction) return renderTask(correction.task, defaultsOf(options, entry), context);
    const { params } = await sent.read(ordinal);
    const limitOf = (model: unknown) =>
      typeof model === 'string' ? context.catalog.find(model)?.max_output_tokens : undefined;
    const next = changeParams(params, change, cause === 'max_tokens', limitOf);
    changed += 1;
    for (const name of next.removed) removed.add(name);
    if (next.atLimit) return null;
    const native = { kind: 'native' as const, task_id: entry.task_id, params: next.params };
    return withExpectation(renderTask(native, {}, context), entry, cause === 'max_tokens');
  }

  return {
    async add(
      chosen: Selected,
      entry: TaskEntry,
      correction: Correction | undefined,
      sent: SentRequests,
    ): Promise<void> {
      const rendering = await render(chosen, entry, correction, sent);
      if (rendering === null) {
        atLimit += 1;
        return;
      }
      const item = itemName(correction?.place ?? `task ${chosen.ordinal + 1}`, entry.task_id);
      if (!rendering.ok) {
        problems.add(...rendering.problems.map((problem) => ({ ...problem, item })));
        return;
      }
      const { rendered } = rendering;
      const custom_id = entry.custom_id ?? entry.task_id;
      const request = JSON.stringify({ custom_id, params: rendered.params });
      const bytes = Buffer.from(request);
      const found = checkRendered(rendered, bytes.length, { ...context, ...context.limits, today, live });
      problems.add(...found.problems.map((problem) => ({ ...problem, item })));
      if (problems.count > 0) return;

      warnings.add(found.warnings);
      count += 1;
      if (first_request === '') first_request = request;
      countCause(outcomes, chosen.outcome);
      if (chosen.cause !== null) countCause(error_types, chosen.cause);
      sheet.add(rendered);
      const structured = rendered.structured && { structured: true as const };
      await sink.add({ ordinal: chosen.ordinal, custom_id, model: rendered.model.id, ...structured }, bytes);
    },
    async finish(total: number): Promise<PreparedRetry> {
      problems.add(...neverFound(options.remove_params ?? [], removed, changed));
      problems.throwIfAny(REFUSED);
      if (count === 0) {
        throw nothingToRetry({ selected, leftOut, finishedButNamed }, total, atLimit);
      }
      const notes = [
        ...(finishedButNamed > 0 ? [finishedText(finishedButNamed)] : []),
        ...(atLimit > 0 ? [atLimitText(atLimit)] : []),
        othersText(leftOut),
      ];
      return {
        request_count: count,
        outcomes,
        error_types,
        costs: await sheet.finish(),
        first_request,
        warnings: [...notes.filter((note) => note !== ''), ...warnings.texts(count)],
      };
    },
  };
}

function changeOf({ catalog }: Context, options: RetryOptions): ParamsChange {
  return {
    model: chosenModel(catalog, options),
    max_tokens: options.max_tokens,
    remove: options.remove_params ?? [],
  };
}

/** The model for all that is sent again; undefined where each task keeps its own. */
function chosenModel(catalog: ModelCatalog, { model, model_tier }: RetryOptions): Model | undefined {
  if (model !== undefined) return catalog.require(model);
  return model_tier && catalog.forTier(model_tier);
}

/** A corrected task that names no model goes to the one that it was first sent to. */
function defaultsOf({ model, model_tier, max_tokens }: RetryOptions, entry: TaskEntry): TaskDefaults {
  const chosen =
    model === undefined && model_tier === undefined ? { model: entry.model } : { model, model_tier };
  return { ...chosen, max_tokens };
}

/** An answer like the first is expected, and of one that was cut off all the tokens that it may take now. */
function withExpectation(rendering: Rendering, entry: TaskEntry, cut: boolean): Rendering {
  if (!rendering.ok) return rendering;
  const { rendered } = rendering;
  const expected = cut
    ? rendered.max_tokens
    : (entry.expected_output_tokens ?? rendered.expected_output_tokens);
  return {
    ok: true,
    rendered: {
      ...rendered,
      task_type: entry.task_type,
      expected_output_tokens: Math.min(rendered.max_tokens, expected),
    },
  };
}

/** A name that nothing has is a typing error: sent as they were, all would fail again. */
function neverFound(names: readonly string[], removed: ReadonlySet<string>, changed: number): Problem[] {
  if (changed === 0) return [];
  return names
    .filter((name) => !removed.has(name))
    .map((name) => ({
      field: 'remove_params',
      problem: `no request that would be sent again has ${JSON.stringify(name.slice(0, 64))}`,
      valid: 'names of params as they were sent, as in thinking or thinking.budget_tokens',
    }));
}
