import type { Problem } from '../../errors.ts';
import { ownPrompt } from '../../templates/prompt.ts';
import type { Template, TemplateFacts } from '../../templates/template.ts';
import type { Templates } from '../../templates/templates.ts';
import type { TaskDefaults } from '../task.ts';

/** What renders a task. A prompt of the caller's own needs only a template's facts. */
export type ChosenTemplate = { template: TemplateFacts & Partial<Template>; warning?: string };

function mistyped(suggestion: string, names: readonly string[]): Problem {
  return {
    field: 'task_type',
    problem: `is not a known task type (did you mean "${suggestion}"?)`,
    valid: `${names.join(', ')}, or a name of your own that is not so close to one of these`,
  };
}

/** What is wrong with the shared task type, told once for all tasks. */
export function checkSharedTemplate({ task_type }: TaskDefaults, templates: Templates): Problem[] {
  const found = task_type === undefined ? undefined : templates.find(task_type);
  return found?.kind === 'mistyped' ? [mistyped(found.suggestion, templates.names)] : [];
}

/**
 * The template of a task's type, its own or the shared one; a prompt wins over what a type would render.
 * Problems are those of the task itself; there are none where the shared type is wrong.
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
