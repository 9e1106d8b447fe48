import type { Problem } from '../errors.ts';
import { promptWithInput } from '../templates/prompt.ts';
import type { Rendered, Template } from '../templates/template.ts';
import { fillPlaces, hasPlaces } from './places.ts';
import type { TaskDefaults } from './task.ts';

export type Content = { rendered?: Rendered; problems: Problem[] };

/** The prompt and system prompt of a task: from its own prompt, else the shared one, else its template. */
export function renderContent(
  task: TaskDefaults,
  defaults: TaskDefaults,
  template: Partial<Template>,
): Content {
  const input = { ...defaults.input_data, ...task.input_data };
  if (task.prompt !== undefined) return asGiven(promptWithInput(task.prompt, input));
  if (defaults.prompt !== undefined) return renderShared(defaults.prompt, input);
  const problems = template.check?.(input) ?? [];
  const rendered = problems.length === 0 ? template.render?.(input) : undefined;
  return rendered ? { rendered, problems } : { problems };
}

const asGiven = (prompt: string): Content => ({ rendered: { prompt, system: '' }, problems: [] });

/** The places of a shared prompt are filled; one without any gets the whole input, for it must not be lost. */
function renderShared(prompt: string, input: Record<string, unknown>): Content {
  if (!hasPlaces(prompt)) return asGiven(promptWithInput(prompt, input));
  const { text, problems } = fillPlaces(prompt, input, 'prompt');
  return { ...asGiven(text), problems };
}
