import type { Problem } from '../errors.ts';
import { type Model, type ModelCatalog, unknownModel } from '../provider/models.ts';
import { prepareOutputSchema } from '../templates/output-schema.ts';
import { ownPrompt, promptWithInput } from '../templates/prompt.ts';
import type { Rendered, Template, TemplateFacts } from '../templates/template.ts';
import type { Templates } from '../templates/templates.ts';
import { checkParams } from './check-params.ts';
import { fillPlaces, hasPlaces } from './places.ts';
import type { Task, TaskDefaults } from './task.ts';

/** What a task becomes: the body of a Messages API call, and what is known of it beforehand. */
export type RenderedTask = {
  params: Record<string, unknown>;
  model: Model;
  max_tokens: number;
  expected_output_tokens: number;
  /** The task type, where the task has one. */
  task_type: string | undefined;
  /** Whether the answer was asked for as JSON. */
  structured: boolean;
  warnings: string[];
  /** What the content hash covers: the task before tiers are resolved, with what would change its meaning. */
  identity: unknown;
};

export type Rendering = { ok: true; rendered: RenderedTask } | { ok: false; problems: Problem[] };

export type Renderer = {
  templates: Templates;
  catalog: ModelCatalog;
  allowNetworkTools: boolean;
};

type OwnTask = Extract<Task, { kind: 'task' }>;
type NativeTask = Extract<Task, { kind: 'native' }>;

/** Turns a task into a request; every problem it finds names the field, not the task. */
export function renderTask(task: Task, defaults: TaskDefaults, renderer: Renderer): Rendering {
  return task.kind === 'native' ? renderNative(task, renderer) : renderOwn(task, defaults, renderer);
}

function renderNative(task: NativeTask, { catalog, allowNetworkTools }: Renderer): Rendering {
  const problems = checkParams(task.params, { catalog, allowNetworkTools });
  const { model: modelId, max_tokens } = task.params;
  const model = typeof modelId === 'string' ? catalog.find(modelId) : undefined;
  if (problems.length > 0 || model === undefined || typeof max_tokens !== 'number') {
    return {
      ok: false,
      problems: problems.map((found) => ({ ...found, field: `params.${found.field ?? ''}` })),
    };
  }
  return {
    ok: true,
    rendered: {
      params: task.params,
      model,
      max_tokens,
      expected_output_tokens: Math.min(max_tokens, EXPECTED_NATIVE_OUTPUT),
      task_type: undefined,
      structured: asksForJson(task.params),
      warnings: [],
      identity: { custom_id: task.task_id, params: task.params },
    },
  };
}

/** Nothing is known of a native request's answers: half a page. */
const EXPECTED_NATIVE_OUTPUT = 500;

function asksForJson(params: Record<string, unknown>): boolean {
  const config = params.output_config;
  if (typeof config !== 'object' || config === null || !('format' in config)) return false;
  const { format } = config;
  return typeof format === 'object' && format !== null && 'type' in format && format.type === 'json_schema';
}

function renderOwn(task: OwnTask, defaults: TaskDefaults, renderer: Renderer): Rendering {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const input = { ...defaults.input_data, ...task.input_data };
  const chosen = chooseTemplate(task, defaults, renderer.templates);
  if ('problem' in chosen) problems.push(chosen.problem);
  else if (chosen.warning !== undefined) warnings.push(chosen.warning);

  const model = chooseModel(task, defaults, renderer.catalog);
  if ('problem' in model) problems.push(model.problem);

  const given = task.output_schema ?? defaults.output_schema;
  const schema = given && prepareOutputSchema(given);
  if (schema) problems.push(...schema.problems);

  if ('problem' in chosen || 'problem' in model) return { ok: false, problems };
  const { template } = chosen;
  const content = renderContent(task, defaults, template, input);
  problems.push(...content.problems);
  const facts = { ...template, ...content.rendered };
  const max_tokens = task.max_tokens ?? defaults.max_tokens ?? facts.max_tokens;
  if (max_tokens > model.max_output_tokens) {
    problems.push({
      field: 'max_tokens',
      problem: `is more than ${model.id} can answer`,
      valid: `at most ${model.max_output_tokens}`,
    });
  }
  if (problems.length > 0 || content.rendered === undefined) return { ok: false, problems };

  const system = task.system ?? defaults.system ?? content.rendered.system;
  const output_schema = schema?.schema ?? content.rendered.output_schema;
  return {
    ok: true,
    rendered: {
      params: {
        model: model.id,
        max_tokens,
        ...(system !== '' && { system }),
        messages: [{ role: 'user', content: content.rendered.prompt }],
        ...(output_schema && { output_config: { format: { type: 'json_schema', schema: output_schema } } }),
      },
      model,
      max_tokens,
      expected_output_tokens: Math.min(max_tokens, facts.expected_output_tokens),
      task_type: task.task_type ?? defaults.task_type,
      structured: output_schema !== undefined,
      warnings,
      identity: {
        task_id: task.task_id,
        template: [template.task_type, template.version],
        prompt: content.rendered.prompt,
        system,
        output_schema,
        max_tokens,
        model: task.model ?? (task.model_tier ? `tier:${task.model_tier}` : undefined) ?? defaults.model,
        model_tier: task.model_tier ?? defaults.model_tier,
      },
    },
  };
}

/** The built-in or custom type, or none where the caller's own prompt is all there is to send. */
type Chosen = { template: TemplateFacts & Partial<Template>; warning?: string } | { problem: Problem };

function chooseTemplate(task: OwnTask, defaults: TaskDefaults, templates: Templates): Chosen {
  const task_type = task.task_type ?? defaults.task_type;
  const hasPrompt = (task.prompt ?? defaults.prompt) !== undefined;
  const found = task_type === undefined ? undefined : templates.find(task_type);
  if (found?.kind === 'mistyped') {
    return {
      problem: {
        field: 'task_type',
        problem: `is not a known task type; did you mean ${found.suggestion}?`,
        valid: `${templates.names.join(', ')}, or a name of your own that is not so close to one of these`,
      },
    };
  }
  if (hasPrompt) return { template: ownPrompt };
  if (found?.kind === 'custom') return { template: found.template, warning: found.warning };
  if (found !== undefined) return { template: found.template };
  return {
    problem: {
      field: 'task_type',
      problem: 'the task has neither a task_type nor a prompt',
      valid: `task_type (${templates.names.join(', ')}, or a name of your own) with input_data, or prompt`,
    },
  };
}

/** A task's own choice wins over the shared one; a model wins over a tier beside it. */
function chooseModel(
  task: OwnTask,
  defaults: TaskDefaults,
  catalog: ModelCatalog,
): Model | { problem: Problem } {
  const choice = task.model || task.model_tier ? task : defaults;
  if (choice.model === undefined) return catalog.forTier(choice.model_tier ?? 'capable');
  return (
    catalog.find(choice.model) ?? { problem: { field: 'model', ...unknownModel(choice.model, catalog.ids) } }
  );
}

function renderContent(
  task: OwnTask,
  defaults: TaskDefaults,
  template: Partial<Template>,
  input: Record<string, unknown>,
): { rendered?: Rendered; problems: Problem[] } {
  if (task.prompt !== undefined) {
    return { rendered: { prompt: promptWithInput(task.prompt, input), system: '' }, problems: [] };
  }
  if (defaults.prompt !== undefined) return renderShared(defaults.prompt, input);
  const problems = template.check?.(input) ?? [];
  const rendered = problems.length === 0 ? template.render?.(input) : undefined;
  return rendered ? { rendered, problems } : { problems };
}

/** The places of a shared prompt are filled; one without any gets the whole input, for it must not be lost. */
function renderShared(
  prompt: string,
  input: Record<string, unknown>,
): { rendered: Rendered; problems: Problem[] } {
  if (!hasPlaces(prompt))
    return { rendered: { prompt: promptWithInput(prompt, input), system: '' }, problems: [] };
  const { text, problems } = fillPlaces(prompt, input, 'prompt');
  return { rendered: { prompt: text, system: '' }, problems };
}
