import type { Problem } from '../../errors.ts';
import { quoteName } from '../../lib/nearest.ts';
import { type Effort, type Model, type ModelCatalog, tiers, unknownModel } from '../../provider/models.ts';
import { ownPrompt } from '../../templates/prompt.ts';
import type { Template, TemplateFacts } from '../../templates/template.ts';
import type { Templates } from '../../templates/templates.ts';
import { meantValue } from '../guesses.ts';
import type { TaskDefaults } from '../task.ts';

function unknown(id: string, catalog: ModelCatalog): Problem {
  const { problem, valid } = unknownModel(id, catalog.ids);
  const tier = problem.endsWith('?)') ? undefined : meantValue(id, tiers);
  const hint = tier === undefined ? '' : ` (did you mean model_tier "${tier}"?)`;
  return { field: 'model', problem: problem + hint, valid };
}

/** A model by its exact id, or by what people call it. */
export const modelNamed = (name: string, catalog: ModelCatalog): Model | undefined =>
  catalog.find(name) ?? catalog.named(name);

/** A note where a model was not named by its id. */
export const familyNote = (name: string | undefined, model: Model, catalog: ModelCatalog): string[] =>
  name === undefined || catalog.find(name) !== undefined
    ? []
    : [`model ${quoteName(name)} is ${model.id} here`];

/** The problems of the shared model, reported once for all tasks. */
export function checkSharedModel({ model }: TaskDefaults, catalog: ModelCatalog): Problem[] {
  return model === undefined || modelNamed(model, catalog) !== undefined ? [] : [unknown(model, catalog)];
}

/**
 * The model of a task: its own choice takes precedence over the shared one, and a model over a tier. Only reports
 * problems of the task's own choice, not of the shared one.
 */
export function chooseModel(
  task: TaskDefaults,
  defaults: TaskDefaults,
  catalog: ModelCatalog,
): { model?: Model; notes: string[]; problems: Problem[] } {
  const own = task.model !== undefined || task.model_tier !== undefined;
  const { model: id, model_tier: tier } = own ? task : defaults;
  if (id === undefined) return { model: catalog.forTier(tier ?? 'capable'), notes: [], problems: [] };
  const model = modelNamed(id, catalog);
  return model === undefined
    ? { notes: [], problems: own ? [unknown(id, catalog)] : [] }
    : { model, notes: familyNote(id, model, catalog), problems: [] };
}

/**
 * The effort to ask of a model: the caller's `asked`, which the model has to accept, else `usual` if it accepts that.
 */
export function chooseEffort(
  model: Model | undefined,
  asked: Effort | undefined,
  usual: Effort | undefined,
): { effort: Effort | undefined; problems: Problem[] } {
  if (asked === undefined) {
    const takes = usual !== undefined && model?.efforts?.includes(usual) === true;
    return { effort: takes ? usual : undefined, problems: [] };
  }
  // Null where it is not known which efforts the model accepts.
  if (model === undefined || model.efforts === null || model.efforts.includes(asked))
    return { effort: asked, problems: [] };
  const problem = `${model.id} ${model.efforts.length === 0 ? 'has no efforts' : 'does not take it'}`;
  const valid = model.efforts.length === 0 ? 'leave it out' : model.efforts.join(', ');
  return { effort: undefined, problems: [{ field: 'effort', problem, valid }] };
}

/** What renders a task. A caller's own prompt only needs a template's facts. */
type ChosenTemplate = { template: TemplateFacts & Partial<Template>; warning?: string };

function mistyped(suggestion: string, names: readonly string[]): Problem {
  return {
    field: 'task_type',
    problem: `is not a known task type (did you mean "${suggestion}"?)`,
    valid: `${names.join(', ')}, or a name of your own that is not so close to one of these`,
  };
}

/** The problems of the shared task type, reported once for all tasks. */
export function checkSharedTemplate({ task_type }: TaskDefaults, templates: Templates): Problem[] {
  const found = task_type === undefined ? undefined : templates.find(task_type);
  return found?.kind === 'mistyped' ? [mistyped(found.suggestion, templates.names)] : [];
}

/**
 * The template of a task's own or shared type; a prompt takes precedence over the type's. Only reports problems of
 * the task's own type, not of the shared one.
 */
export function chooseTemplate(
  task: TaskDefaults,
  defaults: TaskDefaults,
  templates: Templates,
): { chosen?: ChosenTemplate; problems: Problem[] } {
  const taskType = task.task_type ?? defaults.task_type;
  const found = taskType === undefined ? undefined : templates.find(taskType);
  if (found?.kind === 'mistyped') {
    const own = task.task_type !== undefined;
    return { problems: own ? [mistyped(found.suggestion, templates.names)] : [] };
  }
  if ((task.prompt ?? defaults.prompt) !== undefined)
    return { chosen: { template: ownPrompt }, problems: [] };
  if (found !== undefined) return { chosen: found, problems: [] };
  const problem = 'the task has neither a task_type nor a prompt';
  const valid = `task_type (${templates.names.join(', ')}, or a name of your own) with input_data, or prompt`;
  return { problems: [{ field: 'task_type', problem, valid }] };
}
