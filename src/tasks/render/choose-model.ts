import type { Problem } from '../../errors.ts';
import { quoteName } from '../../lib/nearest.ts';
import { type Effort, type Model, type ModelCatalog, tiers, unknownModel } from '../../provider/models.ts';
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

/** What has to be said where a model was not named by its id. */
export const familyNote = (name: string | undefined, model: Model, catalog: ModelCatalog): string[] =>
  name === undefined || catalog.find(name) !== undefined
    ? []
    : [`model ${quoteName(name)} is ${model.id} here`];

/** What is wrong with the shared model, told once for all tasks. */
export function checkSharedModel({ model }: TaskDefaults, catalog: ModelCatalog): Problem[] {
  return model === undefined || modelNamed(model, catalog) !== undefined ? [] : [unknown(model, catalog)];
}

/**
 * The model that a task goes to: its own choice wins over the shared one, a model over a tier beside it.
 * Problems are those of the task's own choice; there are none where the shared one is wrong.
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

/** The effort that is asked of a model: `asked` is the caller's, which it must take, `usual` does where it takes that. */
export function chooseEffort(
  model: Model | undefined,
  asked: Effort | undefined,
  usual: Effort | undefined,
): { effort: Effort | undefined; problems: Problem[] } {
  if (asked === undefined) {
    const takes = usual !== undefined && model?.efforts?.includes(usual) === true;
    return { effort: takes ? usual : undefined, problems: [] };
  }
  // Null where it is not known what the model takes.
  if (model === undefined || model.efforts === null || model.efforts.includes(asked))
    return { effort: asked, problems: [] };
  const problem = `${model.id} ${model.efforts.length === 0 ? 'has no efforts' : 'does not take it'}`;
  const valid = model.efforts.length === 0 ? 'leave it out' : model.efforts.join(', ');
  return { effort: undefined, problems: [{ field: 'effort', problem, valid }] };
}
