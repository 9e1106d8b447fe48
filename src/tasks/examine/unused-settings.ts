import { count } from '../../lib/numbers.ts';
import type { Task, TaskDefaults } from '../task.ts';

const known = new WeakMap<TaskDefaults, readonly string[]>();

/** The shared settings that say something, by the names of their arguments: a hundred thousand tasks can share them. */
function sharedSettings(defaults: TaskDefaults): readonly string[] {
  const found = known.get(defaults) ?? namesOf(defaults);
  known.set(defaults, found);
  return found;
}

function namesOf(defaults: TaskDefaults): string[] {
  const { labelled, context, output_schema, ...settings } = defaults;
  const given = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return [
    ...given,
    ...(output_schema === undefined ? [] : [labelled ? 'labels' : 'output_schema']),
    ...(context === undefined ? [] : ['context_files']),
  ];
}

/** Those of them that a task takes: a native request takes none, and what a task or its variant sets for itself wins. */
export function settingsUsed(task: Task, defaults: TaskDefaults, variant: TaskDefaults = {}): string[] {
  if (task.kind === 'native') return [];
  const shared = sharedSettings(defaults);
  const settings = task.kind === 'row' ? variant : { ...variant, ...task };
  const hasOwnModel = settings.model !== undefined || settings.model_tier !== undefined;
  const own = new Set([
    ...Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [name])),
    ...(hasOwnModel ? ['model', 'model_tier'] : []),
    ...(settings.output_schema === undefined ? [] : ['labels']),
  ]);
  // Shared fields are merged under a task's own.
  own.delete('input_data');
  return shared.filter((name) => !own.has(name));
}

/** What was given for all tasks and is for none of them. */
export function unusedWarnings(defaults: TaskDefaults, used: ReadonlySet<string>, tasks: number): string[] {
  return sharedSettings(defaults)
    .filter((name) => !used.has(name))
    .map(
      (name) =>
        `The shared ${name} is used by none of the ${tasks === 1 ? 'one task' : `${count(tasks)} tasks`}: native requests, and tasks or variants ` +
        'that set their own, take no shared one',
    );
}
