import type { Problem } from '../../errors.ts';
import { promptWithInput } from '../../templates/prompt.ts';
import type { Rendered, Template } from '../../templates/template.ts';
import { filesInPrompt, fileWarnings } from '../examine/unopened-files.ts';
import type { TaskDefaults } from '../task.ts';
import {
  fillKnownPlaces,
  fillPlaces,
  hasPlaces,
  meantPlace,
  mistakenInTemplate,
  mistakenPlaces,
} from './places.ts';

export type Content = { rendered?: Rendered; problems: Problem[]; warnings: string[] };

/** The prompt and system prompt of a task: from its own prompt, else the shared one, else its template. */
export function renderContent(
  task: TaskDefaults,
  defaults: TaskDefaults,
  template: Partial<Template>,
): Content {
  const input = { ...defaults.input_data, ...task.input_data };
  const prompt = task.prompt ?? defaults.prompt;
  const warnings = [
    ...fileWarnings(input, 'input_data'),
    ...(prompt === undefined ? [] : filesInPrompt(prompt)),
  ];
  if (task.prompt !== undefined) return withWarnings(renderOwn(task.prompt, input), warnings);
  if (defaults.prompt !== undefined) return withWarnings(renderShared(defaults.prompt, input), warnings);
  warnings.push(...mistakenInTemplate(template, input));
  const problems = template.check?.(input) ?? [];
  const rendered = problems.length === 0 ? template.render?.(input) : undefined;
  return rendered ? { rendered, problems, warnings } : { problems, warnings };
}

const withWarnings = (content: Content, warnings: readonly string[]): Content =>
  warnings.length === 0 ? content : { ...content, warnings: [...content.warnings, ...warnings] };

const asGiven = (prompt: string, warnings: string[] = []): Content => ({
  rendered: { prompt, system: '' },
  problems: [],
  warnings,
});

/** A task's own prompt may be about such places: those that nothing fills stay in it, with a warning. */
function renderOwn(prompt: string, input: Record<string, unknown>): Content {
  const { text, filled, unfilled } = hasPlaces(prompt)
    ? fillKnownPlaces(prompt, input)
    : { text: prompt, filled: 0, unfilled: [] };
  const names = Object.keys(input);
  return asGiven(filled > 0 ? text : promptWithInput(text, input), [
    ...unfilled.map((name) => `${unfilledPlace(name)}${asMeant(name, names)}`),
    ...mistakenPlaces(prompt, names, filled === 0),
  ]);
}

const unfilledPlace = (name: string) =>
  `the place {{${name}}} in a task's own prompt has nothing to be filled with, and is sent unchanged`;

function asMeant(name: string, names: readonly string[]): string {
  const meant = meantPlace(name, names);
  return meant === undefined || meant === name ? '' : `: did you mean {{${meant}}}?`;
}

/** Fills the places of a shared prompt; appends the whole input to a prompt without places, so that none is lost. */
function renderShared(prompt: string, input: Record<string, unknown>): Content {
  const areFilled = hasPlaces(prompt);
  const mistaken = mistakenPlaces(prompt, Object.keys(input), !areFilled);
  const { text, problems } = fillPlaces(prompt, input, 'prompt');
  return { ...asGiven(areFilled ? text : promptWithInput(prompt, input), mistaken), problems };
}
