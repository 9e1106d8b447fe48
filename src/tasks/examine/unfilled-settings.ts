import { valuesWithin } from '../../lib/half-characters.ts';
import { placesBesidePrompt, placesOf } from '../render/places.ts';
import type { TaskDefaults } from '../task.ts';

type Settings = Pick<TaskDefaults, 'system' | 'output_schema' | 'labelled'>;

/** Those of all tasks share one. */
const known = new WeakMap<object, string[]>();

/** What stands like a place in a setting that no input fills; `names` are those of the input. */
export function unfilledSettings(
  { system, output_schema, labelled }: Settings,
  names: readonly string[],
): string[] {
  const schema = output_schema && (known.get(output_schema) ?? placesIn(output_schema));
  if (output_schema && schema) known.set(output_schema, schema);
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
