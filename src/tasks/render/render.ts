import { hash } from 'node:crypto';
import { roomForThinking } from '../../cost/thinking.ts';
import type { Problem } from '../../errors.ts';
import { findHalfCharacters } from '../../lib/half-characters.ts';
import type { JsonObject } from '../../lib/json.ts';
import { quoteName } from '../../lib/nearest.ts';
import type { PromptSize } from '../../provider/dialect.ts';
import type { Effort, Model } from '../../provider/models.ts';
import type { TemplateFacts } from '../../templates/template.ts';
import { unfilledSettings } from '../examine/unused-settings.ts';
import { packSchema } from '../packing/pack-schema.ts';
import { shareRow, shareTask } from '../packing/shared-content.ts';
import { ofSettings } from '../problem-list.ts';
import type { SourceRow } from '../sources/source-row.ts';
import type { Task, TaskDefaults } from '../task.ts';
import { tokensOfAnswer } from './answer-length.ts';
import {
  checkSharedModel,
  checkSharedTemplate,
  chooseEffort,
  chooseModel,
  chooseTemplate,
} from './choose.ts';
import { renderContent } from './render-content.ts';
import { contextBesideNative, renderNative } from './render-native.ts';
import { renderRow, valuesOf } from './render-row.ts';
import {
  type AnswerSchema,
  type Renderer,
  type Rendering,
  type Sharing,
  withAwaited,
} from './rendered-task.ts';

type OwnTask = Extract<Task, { kind: 'task' }>;

/** Turns a task into a request; every problem it finds names the field, not the task. */
export function renderTask(task: Task, defaults: TaskDefaults, renderer: Renderer): Rendering {
  if (renderer.pack !== undefined) {
    const problems = checkSharing(task);
    if (problems.length > 0) return { ok: false, problems };
  }
  if (task.kind === 'native') {
    return defaults.context === undefined ? renderNative(task, renderer) : contextBesideNative();
  }
  return task.kind === 'row'
    ? renderOwn({ kind: 'task', task_id: task.task_id }, defaults, renderer, task.row)
    : renderOwn(task, defaults, renderer);
}

/** The settings that a task may have of its own and still share a request. */
const SHARED = new Set(['kind', 'task_id', 'task_type', 'prompt', 'input_data']);

function checkSharing(task: Task): Problem[] {
  if (task.kind === 'row') return [];
  const valid =
    'tasks of input_data or a prompt alone, with all other settings shared; rows or files; or no pack';
  if (task.kind === 'native') {
    return [{ field: 'params', problem: 'is sent as it is, so it can share no request', valid }];
  }
  return Object.entries(task)
    .filter(([name, value]) => value !== undefined && !SHARED.has(name))
    .map(([field]) => ({ field, problem: 'is set by the task itself, so it can share no request', valid }));
}

/** The problems of the shared settings, whatever the tasks are; reported once, for no particular task. */
export function checkShared(defaults: TaskDefaults, { templates, catalog, dialect }: Renderer): Problem[] {
  return [
    ...checkSharedTemplate(defaults, templates),
    ...checkSharedModel(defaults, catalog),
    ...(defaults.output_schema ? dialect.requests.prepareSchema(defaults.output_schema).problems : []),
    ...findHalfCharacters(defaults),
  ];
}

function renderOwn(
  task: OwnTask,
  defaults: TaskDefaults,
  { templates, catalog, dialect, pack }: Renderer,
  row?: SourceRow,
): Rendering {
  const { chosen, problems: templateProblems } = chooseTemplate(task, defaults, templates);
  const tier = defaults.model_tier ?? chosen?.template.tier;
  const {
    model,
    notes,
    problems: modelProblems,
  } = chooseModel(task, { ...defaults, model_tier: tier }, catalog);
  const given = task.output_schema ?? defaults.output_schema;
  const schema = given && dialect.requests.prepareSchema(given);
  const content =
    chosen &&
    (row ? renderRow(row, defaults, chosen.template) : renderContent(task, defaults, chosen.template));
  const facts = chosen && { ...chosen.template, ...content?.rendered };
  const asked = task.effort ?? defaults.effort;
  const usual = facts?.effort ?? (defaults.labelled ? 'low' : undefined);
  const { effort, problems: effortProblems } = chooseEffort(model, asked, usual);
  const own = task.max_tokens ?? defaults.max_tokens;
  const max_tokens =
    own ?? (facts && model && usualMaximum(facts, model, { effort, isAsked: asked !== undefined }));
  const ofType = own === undefined && (task.prompt ?? defaults.prompt) === undefined;
  const lengthProblems = checkLength(max_tokens, model, ofType ? facts?.task_type : undefined);
  const setsModel = (task.model ?? task.model_tier) !== undefined;
  const problems = [
    // Problems of shared settings are reported once, and rows have no other settings.
    ...(row ? [] : templateProblems),
    ...modelProblems,
    ...(setsModel || task.effort ? effortProblems : effortProblems.map(ofSettings)),
    ...(task.output_schema ? (schema?.problems ?? []) : []),
    ...(content?.problems ?? []),
    ...checkPrompt(content?.rendered?.prompt),
    ...(setsModel || task.max_tokens ? lengthProblems : lengthProblems.map(ofSettings)),
  ];
  // A problem of the shared settings is not this task's, but it can't be rendered with them.
  const usable = problems.length === 0 && (schema?.problems ?? []).length === 0;
  if (!usable || !model || !facts || !content?.rendered || max_tokens === undefined) {
    return { ok: false, problems };
  }

  const { prompt } = content.rendered;
  const system = task.system ?? defaults.system ?? content.rendered.system;
  const typed = content.rendered.output_schema;
  const expected_output_tokens = Math.min(
    max_tokens,
    facts.expected_output_tokens,
    (given && tokensOfAnswer(given)) ?? Number.POSITIVE_INFINITY,
  );
  const prepared = schema ?? (typed && dialect.requests.prepareSchema(typed));
  const output_schema = prepared?.schema;
  const attachment = row?.attachment;
  const { context, primer: cached } = defaults;
  const shown = { context, cached, attachment };
  const plain = { model: model.id, max_tokens, system, prompt, ...shown, output_schema, effort };
  const params = dialect.requests.render(plain);
  const sized = (size: PromptSize) =>
    withAwaited(size, row?.awaited, defaults, {
      expected_tokens: expected_output_tokens,
      maximum_tokens: max_tokens,
    });
  const sharing = (): Sharing => {
    const { template } = chosen;
    const shared = row ? shareRow(row, defaults, template) : shareTask(task, defaults, template, prompt);
    const { text } = shared;
    const { attachment: _own, ...request } = { ...plain, prompt: shared.prompt };
    return {
      request: {
        ...request,
        system: defaults.system ?? shared.system,
        output_schema: packSchema(output_schema),
      },
      row: { text, ...(attachment && { attachment }) },
      withAwaited: sized,
    };
  };
  return {
    ok: true,
    rendered: {
      params,
      prompt: sized(dialect.requests.size(params)),
      model,
      max_tokens,
      expected_output_tokens,
      task_type: task.task_type ?? defaults.task_type,
      structured: output_schema !== undefined,
      answer_schema: answerSchema(given ?? typed, task.output_schema === undefined),
      inference_geo: null,
      effort: effort ?? null,
      thinks: null,
      ...(pack !== undefined && { sharing: sharing() }),
      warnings: [
        ...notes,
        ...(chosen.warning === undefined ? [] : [chosen.warning]),
        ...content.warnings,
        ...unfilledSettings(
          {
            system: task.system ?? defaults.system,
            output_schema: given,
            labelled: task.output_schema === undefined && defaults.labelled,
          },
          Object.keys({ ...defaults.input_data, ...task.input_data, ...(row && valuesOf(row)) }),
        ),
        ...(prepared?.warnings ?? []),
      ],
      identity: {
        task_id: task.task_id,
        template: [facts.task_type, facts.version],
        prompt,
        row: row?.cells,
        attachment: attachment && [attachment.media_type, hash('sha256', attachment.data)],
        context: context?.map(({ name, sha256 }) => [name, sha256]),
        system,
        output_schema: prepared?.asked,
        // By the requested form, not by what the model makes of it.
        max_tokens: own ?? facts.max_tokens,
        effort: asked,
        model: task.model ?? (task.model_tier ? `tier:${task.model_tier}` : undefined) ?? defaults.model,
        model_tier: task.model_tier ?? defaults.model_tier,
      },
    },
  };
}

function answerSchema(schema: JsonObject | undefined, isShared: boolean): AnswerSchema | undefined {
  return schema && { schema, field: 'output_schema', isShared };
}

/**
 * The default limit of an answer. A caller's own prompt also gets room for thinking where an effort is asked for:
 * thinking counts towards the limit, and a cut-off answer is paid for nothing.
 */
export function usualMaximum(
  { max_tokens, has_room }: TemplateFacts,
  model: Model,
  { effort, isAsked }: { effort: Effort | undefined; isAsked: boolean },
): number {
  if (!has_room && !isAsked) return max_tokens;
  return Math.min(max_tokens + roomForThinking(model, effort ?? null), model.max_output_tokens);
}

/** The API refuses empty texts, even beside a document. */
function checkPrompt(prompt: string | undefined): Problem[] {
  if (prompt === undefined || prompt.trim() !== '') return [];
  const problem = 'consists only of places that were filled with nothing';
  return [{ field: 'prompt', problem, valid: 'text besides its places, or no task for empty input' }];
}

function checkLength(
  maxTokens: number | undefined,
  model: Model | undefined,
  taskType: string | undefined,
): Problem[] {
  if (maxTokens === undefined || model === undefined || maxTokens <= model.max_output_tokens) return [];
  const whose = taskType === undefined ? '' : `of the task type ${quoteName(taskType)} `;
  const problem = `${whose}is more than ${model.id} can answer`;
  return [{ field: 'max_tokens', problem, valid: `at most ${model.max_output_tokens}` }];
}
