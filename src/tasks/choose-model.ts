import type { Problem } from '../errors.ts';
import { type Effort, type Model, type ModelCatalog, unknownModel } from '../provider/models.ts';
import type { TaskDefaults } from './task.ts';

function unknown(id: string, catalog: ModelCatalog): Problem {
  return { field: 'model', ...unknownModel(id, catalog.ids) };
}

/** What is wrong with the shared model, told once for all tasks. */
export function checkSharedModel({ model }: TaskDefaults, catalog: ModelCatalog): Problem[] {
  return model === undefined || catalog.find(model) !== undefined ? [] : [unknown(model, catalog)];
}

/**
 * The model that a task goes to: its own choice wins over the shared one, a model over a tier beside it.
 * Problems are those of the task's own choice; there are none where the shared one is wrong.
 */
export function chooseModel(
  task: TaskDefaults,
  defaults: TaskDefaults,
  catalog: ModelCatalog,
): { model?: Model; problems: Problem[] } {
  const own = task.model !== undefined || task.model_tier !== undefined;
  const { model: id, model_tier: tier } = own ? task : defaults;
  if (id === undefined) return { model: catalog.forTier(tier ?? 'capable'), problems: [] };
  const model = catalog.find(id);
  return model === undefined ? { problems: own ? [unknown(id, catalog)] : [] } : { model, problems: [] };
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
