import { openSentRequests, type SentRequest, type SentRequests } from '../../answers/sent-requests.ts';
import { openView } from '../../answers/view.ts';
import { type Costs, createCostSheet } from '../../cost/cost-sheet.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import type { Context } from '../../state/context.ts';
import type { Report } from '../../state/jobs.ts';
import { nextWaiting } from '../../state/parts.ts';
import type { Ask } from '../../state/question.ts';
import { missingCertainAt } from '../../state/status.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import type { Schemas } from '../../store/schemas.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import { openTasks, type Tasks } from '../../store/task-list.ts';
import { familyNote, modelNamed } from '../../tasks/choose-model.ts';
import { createNonce } from '../../tasks/custom-ids.ts';
import { checkLiveModels, knownModels } from '../../tasks/live-models.ts';
import { givenUp } from '../../tasks/prepare.ts';
import { createProblemList } from '../../tasks/problems.ts';
import type { RenderedTask, Rendering } from '../../tasks/render.ts';
import { checkRendered, createWarningList } from '../../tasks/rendered-request.ts';
import { createSchemaHashes, createSchemaList } from '../../tasks/schemas.ts';
import { itemName } from '../../tasks/task.ts';
import type { RetriedTask } from './retry-files.ts';
import { ofLowestStage, type StageAgain, stagesAgain } from './retry-merge.ts';
import { findNamed, type NamedTasks } from './retry-named.ts';
import { changesSomething, hasFilters, type RetryOptions } from './retry-options.ts';
import { createPackReader, createRegrouping, type SharedTask, sharesRequest } from './retry-packs.ts';
import { createRetryRequests, type RetrySource } from './retry-request.ts';
import {
  type Causes,
  countCause,
  notesOf,
  nothingToRetry,
  requireSent,
  type Selected,
  selectTasks,
} from './retry-selection.ts';

/** Where the requests of a retry go: onto disk when they are to be sent, nowhere for a dry run. */
export type RetrySink = {
  add(tasks: readonly RetriedTask[], request: Buffer, schema: Schemas): Promise<void> | void;
};

/** What a retry sends. */
export type PreparedRetry = {
  request_count: number;
  /** What of a merge is made again of these. */
  stages: StageAgain[];
  /** By what had become of the tasks, and why. */
  outcomes: Causes;
  error_types: Causes;
  costs: Costs;
  first_request: string;
  warnings: string[];
};

export type RetryPreparation = {
  /** Without the parts that give way. */
  record: BatchRecord;
  /** Those that give way. Every task of them that is in no part of `record` was never sent, and is. */
  unsent: readonly Part[];
  options: RetryOptions;
  report: Report;
  /** Gives up what has not been sent. */
  signal?: AbortSignal | undefined;
  ask?: Ask | undefined;
  /** Whether nobody asked for it now: what the work may cost was approved when it was submitted. */
  byItself?: boolean | undefined;
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
  { record, unsent, options, report, signal, byItself = false }: RetryPreparation,
  sink: RetrySink,
): Promise<PreparedRetry> {
  const blobs = context.store.blobs(record.batch_id);
  const tasks = await openTasks(blobs, record.request_count);
  const dialect = dialectOf(record.provider);
  const problems = createProblemList();
  const named = await findNamed(context, tasks, options, dialect, problems);
  problems.throwIfAny(REFUSED);
  const view = await openView(context, record);
  const certainAt = missingCertainAt(record) ?? 0;
  const mayYetCome = certainAt > context.now().getTime() ? certainAt : null;
  const found = await selectTasks(view, options, named, { missingCertainAt: mayYetCome, signal, byItself });
  // The stages of a merge that wait are sent by themselves.
  const firstAwaited = nextWaiting(record.parts)?.first_task ?? Number.POSITIVE_INFINITY;
  const isSent = ({ ordinal }: Selected) => ordinal < firstAwaited;
  const chosen = found.selected.filter(isSent);
  const selection = { ...found, selected: ofLowestStage(record, chosen) };
  if (hasFilters(options)) requireSent(record.batch_id, selection);
  const isMerged = record.merge !== undefined && (chosen.length > 0 || !changesSomething(options));
  const stages = isMerged ? await stagesAgain(context, record, view, chosen) : [];

  const today = context.now().toISOString().slice(0, 10);
  const known = await knownModels(context, record.provider);
  const catalog = context.catalog.withLive(known);
  // What was sent goes before a change of it that was not.
  const written = { ...record, parts: [...unsent, ...record.parts] };
  const sent = await openSentRequests(blobs, written, dialect);
  const requests = createRetryRequests({ ...context, catalog }, options, dialect);
  // What answers took before says little of those that failed: the tasks' own figures are used.
  const sheet = createCostSheet(dialect, () => undefined);
  const warnings = createWarningList();
  const hashes = createSchemaHashes();
  const schemas = createSchemaList();
  const outcomes: Causes = {};
  const error_types: Causes = {};
  let atLimit = 0;
  let count = 0;
  let done = 0;
  let first_request = '';
  const regrouping = createRegrouping<SharedTask>(createPackReader(dialect));
  const nonce = createNonce();

  /** One request, of one task or of several that share it. */
  async function take(
    made: readonly Made[],
    rendering: Rendering | 'at_limit',
    place: string,
  ): Promise<void> {
    const [first] = made;
    if (first === undefined) return;
    const { selected, entry } = first;
    const item = itemName(place, entry.task_id);
    if (rendering === 'at_limit') {
      atLimit += made.length;
      return;
    }
    if (!rendering.ok) {
      problems.add(...rendering.problems.map((problem) => ({ ...problem, item })));
      return;
    }
    const { rendered } = rendering;
    const { answer_schema } = rendered;
    // What is sent again as it was is checked as it was: its request has the schema as the API takes it.
    const isKept = options.output_schema === undefined;
    const isShared = first.sent !== undefined && sharesRequest(first.sent, entry);
    const asked = isShared && isKept ? undefined : answer_schema;
    const schema = asked && hashes.of(asked.schema);
    const keptOf = ({ sent, entry }: Made) => (sent && isKept ? (sent.schema ?? entry.schema) : undefined);
    const pack = isShared ? `pack_${selected.ordinal + 1}_${nonce}` : undefined;
    const retried = made.map((each) => {
      const hash = isShared ? (keptOf(each) ?? schema?.hash) : schema && (keptOf(each) ?? schema.hash);
      const corrected = each.sent?.corrected ?? true;
      return retriedTask(each.selected, each.entry, rendered, { schema: hash, pack, corrected });
    });
    const request = dialect.requests.encode(pack ?? entry.custom_id ?? entry.task_id, rendered.params);
    const bytes = Buffer.from(request);
    const found = checkRendered(rendered, bytes.length, {
      ...context,
      ...context.limits,
      catalog,
      dialect,
      today,
    });
    problems.add(...found.problems.map((problem) => ({ ...problem, item })));
    if (schema && asked) {
      const placed = { schema: schema.schema, number: selected.ordinal + 1, item, field: asked.field };
      const wrong = await schemas.check(new Map([[schema.hash, placed]]));
      problems.add(...wrong.map(({ problem }) => problem));
    }
    if (problems.count > 0) return;

    count += made.length;
    if (first_request === '') first_request = request;
    for (const { selected } of made) {
      warnings.add(found.warnings);
      countCause(outcomes, selected.outcome);
      if (selected.cause !== null) countCause(error_types, selected.cause);
    }
    sheet.add(rendered);
    await sink.add(retried, bytes, new Map(schema && [[schema.hash, schema.schema]]));
  }

  const placeOf = ({ ordinal }: Selected) => `task ${ordinal + 1}`;
  async function takeShared(groups: readonly SharedTask[][]): Promise<void> {
    for (const group of groups) {
      const [first] = group;
      if (first !== undefined) await take(group, requests.makeShared(group), placeOf(first.selected));
    }
  }

  for await (const { selected, entry, source } of withSources(tasks, sent, selection.selected, named)) {
    if (signal?.aborted) throw givenUp();
    done += 1;
    if (done % 1000 === 0) report({ stage: 'preparing', done, total: selection.selected.length });
    if ('sent' in source && sharesRequest(source.sent, entry)) {
      await takeShared(regrouping.add({ selected, entry, sent: source.sent }));
      continue;
    }
    await takeShared(regrouping.flush());
    const place = 'correction' in source ? source.correction.place : placeOf(selected);
    const made = [{ selected, entry, ...('sent' in source && { sent: source.sent }) }];
    await take(made, requests.make(selected, entry, source), place);
  }
  await takeShared(regrouping.flush());

  problems.add(...requests.problems());
  problems.throwIfAny(REFUSED);
  if (count === 0 && stages.length === 0) throw nothingToRetry(selection, record.request_count, atLimit);
  const costs = sheet.finish();
  const lifeWarnings = await checkLiveModels(context, {
    provider: record.provider,
    used: costs.tally.models(),
    known,
    // It was asked when the work was first sent, and once a day since: what it says by now counts from the next call on.
    again: async () => {},
  });
  return {
    request_count: count,
    stages,
    outcomes,
    error_types,
    costs,
    first_request,
    warnings: [
      ...new Set([
        ...modelNotes(options, catalog),
        ...notesOf(selection, atLimit),
        ...warnings.texts(count),
        ...lifeWarnings,
      ]),
    ],
  };
}

/** A task of a request that is sent again; `sent` is what it was sent in, where it is not corrected. */
type Made = { selected: Selected; entry: TaskEntry; sent?: SentRequest };

async function* withSources(
  tasks: Tasks,
  sent: SentRequests,
  selected: readonly Selected[],
  { corrections }: NamedTasks,
): AsyncGenerator<{ selected: Selected; entry: TaskEntry; source: RetrySource }> {
  for (let start = 0; start < selected.length; start += CHUNK) {
    const chunk = selected.slice(start, start + CHUNK);
    const ordinals = chunk.map(({ ordinal }) => ordinal);
    const entries = await tasks.read(ordinals);
    const requests = sent(ordinals.filter((ordinal) => !corrections.has(ordinal)));
    for (const [index, each] of chunk.entries()) {
      const entry = entries[index];
      const correction = corrections.get(each.ordinal);
      const request = correction ? undefined : (await requests.next()).value;
      const source = correction ? { correction } : request && { sent: request };
      if (entry !== undefined && source) yield { selected: each, entry, source };
    }
  }
}

function modelNotes({ model }: RetryOptions, catalog: ModelCatalog): string[] {
  const named = model === undefined ? undefined : modelNamed(model, catalog);
  return named === undefined ? [] : familyNote(model, named, catalog);
}

function retriedTask(
  { ordinal }: Selected,
  entry: TaskEntry,
  rendered: RenderedTask,
  { schema, pack, corrected }: { schema: string | undefined; pack: string | undefined; corrected: boolean },
): RetriedTask {
  return {
    ordinal,
    custom_id: entry.custom_id ?? entry.task_id,
    ...(rendered.task_type !== undefined && { task_type: rendered.task_type }),
    model: rendered.model.id,
    ...(rendered.effort !== null && { effort: rendered.effort }),
    ...(schema !== undefined && { structured: true as const, schema }),
    ...(pack !== undefined && { pack }),
    ...(corrected && { corrected: true as const }),
  };
}
