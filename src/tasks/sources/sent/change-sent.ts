import type { Problem } from '../../../errors.ts';
import { plainObject } from '../../../lib/exact-json.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { quoteName } from '../../../lib/nearest.ts';
import type { Dialect, Params, ParamsChange } from '../../../provider/dialect.ts';
import type { Model, ModelCatalog } from '../../../provider/models.ts';
import type { Context } from '../../../state/context.ts';
import type { TaskEntry } from '../../../store/task-entry.ts';
import { settingsUsed, unfilledSettings } from '../../examine/unused-settings.ts';
import { packSchema } from '../../packing/pack-schema.ts';
import { modelNamed } from '../../render/choose.ts';
import { renderTask } from '../../render/render.ts';
import type { AnswerSchema, Rendering } from '../../render/rendered-task.ts';
import type { NativeTask, TaskDefaults } from '../../task.ts';
import type { Correction } from './corrections.ts';
import { keptInput, promptFor } from './new-prompt.ts';
import { createPackReader, lengthFactor, regrouped, type SharedTask } from './regroup.ts';
import type { ChosenTask, SentRequest } from './sent-requests.ts';

/** What a task's request is made of: what it was sent with, or what corrects it. */
export type SentSource = { sent: SentRequest } | { correction: Correction };

/** What is changed in everything that was sent. */
export type SentChanges = Pick<
  TaskDefaults,
  'prompt' | 'system' | 'output_schema' | 'model' | 'model_tier' | 'effort' | 'max_tokens'
> & { remove_params?: readonly string[] | undefined };

/** Makes the requests that are sent again. */
export type ChangedRequests = {
  /** One for tasks that shared requests, and are to share this one. */
  makeShared(tasks: readonly SharedTask[]): Rendering | 'at_limit';
  /** `at_limit` for an answer that was cut off and can't get longer. */
  make(selected: ChosenTask, entry: TaskEntry, source: SentSource): Rendering | 'at_limit';
  /** Once all are made: what was to be left out, but was in none of them. */
  problems(): Problem[];
  /** The shared settings that some of them used. */
  readonly settings: ReadonlySet<string>;
};

/** `shorter` lowers the limit of answers that could not be used. */
export function createChangedRequests(
  context: Pick<Context, 'templates' | 'catalog' | 'allowNetworkTools'>,
  options: SentChanges,
  dialect: Dialect,
  shorter = 1,
): ChangedRequests {
  const { catalog } = context;
  const renderer = { ...context, dialect };
  const prepared = options.output_schema && dialect.requests.prepareSchema(options.output_schema);
  const change = changeOf(catalog, options, prepared?.schema);
  const removed = new Set<string>();
  const settings = new Set<string>();
  let changed = 0;
  /** What was sent uses all of them. */
  function countChanged(): void {
    changed += 1;
    for (const name of Object.keys(options)) settings.add(name);
  }
  /** A new system prompt may speak of what the task was made of. */
  const unfilled = (entry: TaskEntry) =>
    options.system === undefined && options.output_schema === undefined
      ? []
      : unfilledSettings(options, Object.keys(keptInput(entry)));
  /** Answers are checked by all of a new schema, also by what the provider does not take. */
  const given = options.output_schema && {
    schema: options.output_schema,
    field: 'output_schema',
    isShared: true,
  };
  function withSchema(rendering: Rendering, answer_schema: AnswerSchema | undefined = given): Rendering {
    if (!rendering.ok || answer_schema === undefined) return rendering;
    return withWarnings({ ok: true, rendered: { ...rendering.rendered, answer_schema } }, prepared?.warnings);
  }
  /** The answers to rows are wrapped, in whatever schema. */
  const wrapped = prepared && packSchema(prepared.schema);
  const read = createPackReader(dialect);
  function shortened({ params }: SentRequest, factor: number): number | undefined {
    const before = factor < 1 ? dialect.requests.facts(params).max_tokens : null;
    return before === null ? undefined : Math.ceil(before * factor);
  }
  const limitOf = (model: string) => catalog.find(model)?.max_output_tokens;

  return {
    make(selected, entry, source) {
      if ('correction' in source) {
        const { task } = source.correction;
        for (const name of settingsUsed(task, options)) settings.add(name);
        return renderTask(task, defaultsOf(options, entry), renderer);
      }
      const isCut = selected.cause === 'max_tokens';
      const longer = isCut ? { limitOf } : null;
      const effort = isEffortLost(change, entry) ? null : change.effort;
      const prompt = options.prompt === undefined ? undefined : promptFor(entry, options.prompt);
      if (prompt !== undefined && 'problems' in prompt) return { ok: false, problems: prompt.problems };
      const mended = change.output_schema ? null : mendedSchema(source.sent.params, dialect);
      const output_schema = mended?.sent ?? change.output_schema;
      const max_tokens = change.max_tokens ?? shortened(source.sent, lengthFactor(selected, shorter));
      const changes = { ...change, max_tokens, effort, longer, prompt: prompt?.text, output_schema };
      const next = dialect.requests.change(source.sent.params, changes);
      countChanged();
      for (const name of next.removed) removed.add(name);
      if (next.atLimit) return 'at_limit';
      const native = nativeTask(entry.task_id, next.params);
      const warnings = [...(prompt?.warnings ?? []), ...unfilled(entry), ...(mended?.warnings ?? [])];
      const rendering = withSchema(renderTask(native, {}, renderer), mended?.answer_schema);
      return withExpectation(withWarnings(rendering, warnings), entry, isCut);
    },
    makeShared(tasks) {
      const [first] = tasks;
      if (first === undefined) return { ok: false, problems: [] };
      const { entry, selected } = first;
      const effort = isEffortLost(change, entry) ? null : change.effort;
      const changes = { ...change, effort, output_schema: wrapped, prompt: options.prompt, shorter };
      const next = regrouped(tasks, changes, dialect, { read, catalog });
      countChanged();
      if (next === 'at_limit') return next;
      if ('problems' in next) return { ok: false, problems: next.problems };
      for (const name of next.removed) removed.add(name);
      const rendering = withWarnings(
        withSchema(renderTask(nativeTask(entry.task_id, next.params), {}, renderer)),
        unfilled(entry),
      );
      if (!rendering.ok) return rendering;
      const { rendered } = rendering;
      const isCut = selected.cause === 'max_tokens';
      const shared = {
        task_type: entry.task_type,
        expected_output_tokens: isCut ? rendered.max_tokens : next.expected,
        tasks: tasks.length,
      };
      return { ok: true, rendered: { ...rendered, ...shared } };
    },
    settings,
    problems() {
      if (changed === 0) return [];
      return change.remove.filter((name) => !removed.has(name)).map(neverFound);
    },
  };
}

/**
 * The schema of a request that went out with what its provider refuses, before that was known here: as it is sent now, and
 * as answers are checked by it. Null where it can stay as it is.
 */
function mendedSchema(params: Params, { requests }: Dialect) {
  const { answer_schema: before } = requests.facts(params);
  if (before === null) return null;
  const field = `params.${before.field}`;
  const { schema: sent, isRefused, warnings } = requests.prepareSchema(before.schema, field);
  if (!isRefused) return null;
  return { sent, warnings, answer_schema: { schema: plainObject(before.schema), field, isShared: false } };
}

function withWarnings(rendering: Rendering, warnings: readonly string[] = []): Rendering {
  if (!rendering.ok || warnings.length === 0) return rendering;
  const { rendered } = rendering;
  return { ok: true, rendered: { ...rendered, warnings: [...rendered.warnings, ...warnings] } };
}

const nativeTask = (task_id: string, params: Params): NativeTask => ({
  kind: 'native',
  task_id,
  params: plainObject(params),
  exact: { ...params },
});

/** A name that nothing has is a typo: sent as they were, all would fail again. */
function neverFound(name: string): Problem {
  return {
    field: 'remove_params',
    problem: `no request that would be sent again has ${quoteName(name)}`,
    valid: 'names of params as they were sent; a dot reaches into one, as in a.b',
  };
}

function changeOf(
  catalog: ModelCatalog,
  options: SentChanges,
  output_schema: JsonObject | undefined,
): Omit<ParamsChange, 'longer' | 'prompt'> {
  const { max_tokens, effort, system, remove_params = [] } = options;
  const model = chosenModel(catalog, options);
  return { model, max_tokens, effort, system, output_schema, remove: remove_params };
}

/** Whether another model is used that lacks the effort that a task was sent with. */
function isEffortLost({ model, effort }: Pick<ParamsChange, 'model' | 'effort'>, entry: TaskEntry): boolean {
  const takes = entry.effort === undefined || model?.efforts == null || model.efforts.includes(entry.effort);
  return effort === undefined && !takes;
}

/** The model for all that is sent again; undefined where each task keeps its own. */
function chosenModel(catalog: ModelCatalog, { model, model_tier }: SentChanges): Model | undefined {
  if (model !== undefined) return modelNamed(model, catalog) ?? catalog.require(model);
  return model_tier && catalog.forTier(model_tier);
}

/** A corrected task that names no model goes to the one that it was first sent to. */
function defaultsOf({ model, model_tier, ...options }: SentChanges, entry: TaskEntry): TaskDefaults {
  const chosen =
    model === undefined && model_tier === undefined ? { model: entry.model } : { model, model_tier };
  const { prompt, system, output_schema, effort, max_tokens } = options;
  return { ...chosen, prompt, system, output_schema, effort, max_tokens };
}

/** An answer like the first is expected; of one that was cut off, all the tokens that it may take now. */
function withExpectation(rendering: Rendering, entry: TaskEntry, isCut: boolean): Rendering {
  if (!rendering.ok) return rendering;
  const { rendered } = rendering;
  const expected = isCut
    ? rendered.max_tokens
    : (entry.expected_output_tokens ?? rendered.expected_output_tokens);
  const expected_output_tokens = Math.min(rendered.max_tokens, expected);
  return { ok: true, rendered: { ...rendered, task_type: entry.task_type, expected_output_tokens } };
}
