import { canonicalText } from '../identity.ts';
import type { TaskDefaults } from '../task.ts';
import { chooseEffort, chooseModel } from './choose-model.ts';
import { chooseTemplate } from './choose-template.ts';
import { usualMaximum } from './render.ts';
import type { Renderer } from './rendered-task.ts';

/** Blanks within a place change nothing of what fills it. */
const BLANKS_IN_PLACE = /\{\{\s*(.*?)\s*\}\}/g;

/**
 * A text that settings share under which the same would be sent, however they were given: a model by its family or its
 * tier, what is usual said or left out, labels or the schema of them. What a task sets for itself is not in it.
 */
export function resolvedSettings(
  { labelled, ...defaults }: TaskDefaults,
  { templates, catalog }: Pick<Renderer, 'templates' | 'catalog'>,
): string {
  const template = chooseTemplate({}, defaults, templates).chosen?.template;
  const tier = defaults.model_tier ?? template?.tier;
  const { model } = chooseModel({}, { ...defaults, model_tier: tier }, catalog);
  const asked = defaults.effort;
  const { effort } = chooseEffort(model, asked, template?.effort ?? (labelled ? 'low' : undefined));
  const usual = template && model && usualMaximum(template, model, { effort, isAsked: asked !== undefined });
  return canonicalText({
    ...defaults,
    prompt: defaults.prompt?.replace(BLANKS_IN_PLACE, '{{$1}}'),
    // The hash says what a document holds, which is no JSON.
    context: defaults.context?.map(({ name, sha256 }) => [name, sha256]),
    model: model?.id ?? defaults.model,
    model_tier: undefined,
    effort,
    max_tokens: defaults.max_tokens ?? usual,
  });
}
