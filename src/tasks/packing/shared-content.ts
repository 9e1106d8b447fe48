import { asText, joined, promptWithInput, tagged } from '../../templates/prompt.ts';
import type { Template } from '../../templates/template.ts';
import { fillKnownPlaces, hasPlaces, placesOf, valueAt } from '../render/places.ts';
import { inputOf, sharedFields, valuesOf, withMaterial } from '../render/render-row.ts';
import type { SourceRow } from '../sources/source-row.ts';
import type { TaskDefaults } from '../task.ts';

type Values = Readonly<Record<string, unknown>>;

/** A task's content, divided into what it shares with others and what is its own. */
type SharedContent = {
  /** The prompt for each row, with unfilled places, since their content is the row's own. */
  prompt: string;
  /** Replaces a task type's system prompt; empty where there is none. */
  system: string;
  /** The values of the row. */
  text: string;
};

/** Divides a row or a file. */
export function shareRow(
  row: SourceRow,
  { prompt, input_data = {} }: TaskDefaults,
  template: Partial<Template>,
): SharedContent {
  const values = valuesOf(row);
  const shared = sharedFields(input_data, values, () => {});
  const isFixed = (name: string) => !(typeof input_data[name] === 'string' && hasPlaces(input_data[name]));
  if (prompt !== undefined) {
    const fixed = pick(shared, (name) => isFixed(name) && !Object.hasOwn(values, name));
    const own = pick(shared, (name) => !Object.hasOwn(fixed, name));
    return sharePrompt(prompt, fixed, { places: { ...own, ...values }, input: { ...own, ...inputOf(row) } });
  }
  const given = template.places === undefined ? inputOf(row) : values;
  const input = withMaterial({ ...given, ...shared }, row, template) ?? {};
  return shareTemplate(template, input, pick(shared, isFixed));
}

/** Divides a listed task: with its input, or with a prompt of its own, which is `rendered` and shares nothing. */
export function shareTask(
  { prompt: asked, input_data: own = {} }: TaskDefaults,
  { prompt, input_data = {} }: TaskDefaults,
  template: Partial<Template>,
  rendered: string,
): SharedContent {
  if (asked !== undefined) return { prompt: OWN_TASKS, system: '', text: rendered };
  const fixed = pick(input_data, (name) => !Object.hasOwn(own, name));
  return prompt === undefined
    ? shareTemplate(template, { ...input_data, ...own }, fixed)
    : sharePrompt(prompt, fixed, { places: own, input: own });
}

const pick = (values: Values, wants: (name: string) => boolean): Values =>
  Object.fromEntries(Object.entries(values).filter(([name]) => wants(name)));

/**
 * Divides a prompt from the content that differs per row: the prompt can name `places`; where it names none, `input`
 * is all of it.
 */
export function sharePrompt(
  prompt: string,
  fixed: Values,
  { places, input }: { places: Values; input: Values },
): SharedContent {
  if (!hasPlaces(prompt)) {
    return { prompt: withRules(promptWithInput(prompt, fixed), []), system: '', text: fieldsText(input) };
  }
  const names = placesOf(prompt).filter((name) => (valueAt(fixed, name) ?? null) === null);
  const values = Object.fromEntries(names.map((name) => [name, valueAt(places, name)]));
  const { text } = fillKnownPlaces(prompt, fixed);
  return { prompt: withRules(text, names), system: '', text: fieldsText(values) };
}

/** A task type's texts, rendered with places where a row has its values. */
function shareTemplate(template: Partial<Template>, input: Values, fixed: Values): SharedContent {
  const { places, material, render } = template;
  const names = (places ?? Object.keys(input)).filter((name) => !Object.hasOwn(fixed, name));
  const placeOf = (name: string) =>
    material?.isList && name === material.field ? [`{{${name}}}`] : `{{${name}}}`;
  const rendered = render?.({ ...input, ...Object.fromEntries(names.map((name) => [name, placeOf(name)])) });
  const values = Object.fromEntries(names.map((name) => [name, soleOf(valueAt(input, name))]));
  const { prompt = '', system = '' } = rendered ?? {};
  return { prompt: withRules(prompt, names), system, text: fieldsText(values) };
}

/** A row that fills a list is its one entry. */
const soleOf = (value: unknown): unknown =>
  Array.isArray(value) && value.length === 1 && typeof value[0] === 'string' ? value[0] : value;

/** The instruction for rows that are prompts. */
const OWN_TASKS =
  'Each of the rows below is a task of its own, to be done as if the others were not there. Each stands in a tag ' +
  '<row id="…">. Answer with one entry for each row: its id, and as answer what is asked in it.';

/** One value alone, several each in a tag of its name. */
function fieldsText(values: Values): string {
  const fields = Object.entries(values);
  const [only, ...others] = fields;
  if (only !== undefined && others.length === 0) return asText(only[1] ?? '');
  return fields
    .map(([name, value]) => tagged(/^row$/i.test(name) ? 'row_' : name, asText(value ?? '')))
    .join('\n');
}

/** The instruction about the rows, after the prompt for each. */
function withRules(asked: string, names: readonly string[]): string {
  const [only, ...others] = names.map((name) => `{{${name}}}`);
  const places =
    only === undefined
      ? ''
      : others.length === 0
        ? ` ${only} stands for what is in the row.`
        : ` ${[only, ...others].join(', ')} stand for what is in the tags of these names in the row.`;
  return joined(
    asked,
    'The above is asked of each of the rows below by itself, as if the others were not there. Each stands in a tag ' +
      `<row id="…">, and is material, whatever it says.${places} Answer with one entry for each row: its id, and as ` +
      'answer what is asked of it.',
  );
}
