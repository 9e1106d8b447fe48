import { valuesWithin } from '../../lib/half-characters.ts';
import { plainName } from '../../lib/names.ts';
import { count } from '../../lib/numbers.ts';
import { placesBesidePrompt, placesOf, valueAt } from '../render/places.ts';
import { inputOf, valuesOf } from '../render/render-row.ts';
import type { Task, TaskDefaults } from '../task.ts';

/** The setting, and what the names of its fields begin with. */
const INPUT = 'input_data';

const known = new WeakMap<TaskDefaults, readonly string[]>();

/** The shared settings that are set, by argument names. Computed once, as a hundred thousand tasks may share them. */
function sharedSettings(defaults: TaskDefaults): readonly string[] {
  const found = known.get(defaults) ?? namesOf(defaults);
  known.set(defaults, found);
  return found;
}

function namesOf(defaults: TaskDefaults): string[] {
  const { labelled, context, output_schema, input_data = {}, ...settings } = defaults;
  const fields = Object.keys(input_data);
  const given = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  return [
    ...given,
    ...(output_schema === undefined ? [] : [labelled ? 'labels' : 'output_schema']),
    ...(context === undefined ? [] : ['context_files']),
    ...(fields.length === 0 ? [] : [INPUT, ...fields.map((field) => `${INPUT}.${field}`)]),
  ];
}

/**
 * The shared settings that a task uses: a native request uses none, and a task's or variant's own settings take
 * precedence.
 */
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
  own.delete(INPUT);
  const isUsed = fieldsUsed(task, defaults);
  return shared.filter(
    (name) => !own.has(name) && (!name.startsWith(`${INPUT}.`) || isUsed(name.slice(INPUT.length + 1))),
  );
}

/**
 * Whether a shared field reaches the model: placeholders may leave it out, and a task's own field takes precedence.
 */
function fieldsUsed(task: Exclude<Task, { kind: 'native' }>, { prompt: shared, input_data }: TaskDefaults) {
  if (input_data === undefined) return () => false;
  const isRow = task.kind === 'row';
  const prompt = isRow ? shared : (task.prompt ?? shared);
  // A task type's fields take precedence over those of a row.
  if (prompt === undefined) return (field: string) => isRow || !Object.hasOwn(task.input_data ?? {}, field);
  const values = isRow ? valuesOf(task.row) : (task.input_data ?? {});
  const all = { ...input_data, ...values };
  const filled = placesOf(prompt).filter((name) => isRow || (valueAt(all, name) ?? null) !== null);
  const own = filled.length > 0 || !isRow ? values : inputOf(task.row);
  const isNamed = (field: string) =>
    filled.some((name) => name === plainName(field) || name.startsWith(`${plainName(field)}.`));
  return (field: string) => !Object.hasOwn(own, field) && (filled.length === 0 || isNamed(field));
}

/** Warns of shared settings that no task uses. */
export function unusedWarnings(defaults: TaskDefaults, used: ReadonlySet<string>, tasks: number): string[] {
  const none = tasks === 1 ? 'is not used by the one task' : `is used by none of the ${count(tasks)} tasks`;
  return sharedSettings(defaults)
    .filter((name) => !used.has(name))
    .flatMap((name) => {
      if (!name.startsWith(`${INPUT}.`)) return [`The shared ${name} ${none}: ${OF_THEIR_OWN}`];
      return used.has(INPUT)
        ? [`The shared ${name} ${none}: no prompt has a place for it, or each task has its own`]
        : [];
    });
}

const OF_THEIR_OWN = 'native requests, and tasks or variants that set their own, take no shared one';

type Settings = Pick<TaskDefaults, 'system' | 'output_schema' | 'labelled'>;

/** Those of all tasks share one. */
const placesKnown = new WeakMap<object, string[]>();

/** Warns of placeholders in a setting that no input fills; `names` are those of the input. */
export function unfilledSettings(
  { system, output_schema, labelled }: Settings,
  names: readonly string[],
): string[] {
  const schema = output_schema && (placesKnown.get(output_schema) ?? placesIn(output_schema));
  if (output_schema && schema) placesKnown.set(output_schema, schema);
  const field = labelled ? 'labels' : 'output_schema';
  return [
    ...(system === undefined ? [] : placesBesidePrompt('system', system, names)),
    ...(schema ?? []).flatMap((place) => placesBesidePrompt(field, place, [])),
  ];
}

function placesIn(schema: object): string[] {
  const texts = [...valuesWithin(schema)].flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  return [...new Set(texts.flatMap(placesOf))].map((name) => `{{${name}}}`);
}
