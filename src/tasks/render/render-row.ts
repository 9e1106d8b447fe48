import { promptWithInput } from '../../templates/prompt.ts';
import type { Template } from '../../templates/template.ts';
import { filesInPrompt, fileWarnings } from '../examine/unopened-files.ts';
import type { SourceRow } from '../sources/source-row.ts';
import type { TaskDefaults } from '../task.ts';
import { fillFromRow, hasPlaces, mistakenInTemplate, mistakenPlaces, placesOf } from './places.ts';
import type { Content } from './render-content.ts';

type Values = Record<string, unknown>;

/** The values of a row or a file that a prompt's places can name. */
export function valuesOf({ cells, text, attachment }: SourceRow): Values {
  if (text !== undefined) return { ...cells, text };
  return attachment === undefined ? cells : { ...cells, text: `(the attached ${nameOf(attachment.kind)})` };
}

const nameOf = (kind: 'pdf' | 'image') => (kind === 'pdf' ? 'PDF' : 'image');

/** A row or a file as a task's input: for a file its path and text, as the parts of the path add nothing. */
export function inputOf(row: SourceRow): Values {
  const { text, attachment, cells, input } = row;
  if (input !== undefined) return input;
  if (text !== undefined) return { path: cells.path, text };
  return attachment === undefined ? cells : { path: cells.path };
}

/** The shared fields, in whose texts places name the column for a field: `{"logs": "{{message}}"}`. */
export function sharedFields(
  shared: Values | undefined,
  values: Values,
  empty: (name: string) => void,
): Values {
  const fields = Object.entries(shared ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' && hasPlaces(value) ? fillFromRow(value, values, empty) : value,
  ]);
  return Object.fromEntries(fields);
}

/** Renders a row or a file, with warnings for empty values. */
export function renderRow(
  row: SourceRow,
  { prompt, input_data }: TaskDefaults,
  template: Partial<Template>,
): Content {
  const warnings: string[] = [];
  const empty = (name: string) => {
    if (row.awaited === undefined) warnings.push(`the place {{${name}}} was filled with nothing`);
  };
  const values = valuesOf(row);
  const shared = sharedFields(input_data, values, empty);
  warnings.push(...rowFileWarnings(row, prompt));
  if (prompt !== undefined) {
    const areFilled = hasPlaces(prompt);
    warnings.push(
      ...filesInPrompt(prompt),
      ...mistakenPlaces(prompt, Object.keys({ ...shared, ...values }), !areFilled),
    );
    const text = areFilled
      ? fillFromRow(prompt, { ...shared, ...values }, empty)
      : promptWithInput(prompt, { ...shared, ...inputOf(row) });
    return { rendered: { prompt: text, system: '' }, problems: [], warnings };
  }
  const given = template.places === undefined ? inputOf(row) : values;
  const input = withMaterial({ ...given, ...shared }, row, template);
  if (input === null) return { problems: [], warnings };
  warnings.push(...mistakenInTemplate(template, input));
  const problems = template.check?.(input) ?? [];
  const rendered = problems.length === 0 ? template.render?.(input) : undefined;
  return { ...(rendered && { rendered }), problems, warnings };
}

/** Of a row's columns those that are sent; of a file its path is no mistake. */
function rowFileWarnings(row: SourceRow, prompt: string | undefined): string[] {
  const { cells, text, attachment } = row;
  if (text !== undefined || attachment !== undefined) return [];
  const sent = prompt !== undefined && hasPlaces(prompt) ? placesOf(prompt) : Object.keys(inputOf(row));
  const columns = Object.entries(cells).filter(([name]) => sent.includes(name));
  return fileWarnings(Object.fromEntries(columns), 'column');
}

/** The only column that a task type's own field can mean: `text`, or the single one beside the ids. */
export function materialColumn(
  columns: readonly string[],
  aside: readonly (string | undefined)[],
): string | null {
  if (columns.includes('text')) return 'text';
  const [column, ...others] = columns.filter((name) => !aside.includes(name));
  return column !== undefined && others.length === 0 ? column : null;
}

/** The input with a task type's own field filled; null where no column fits, which is reported once for all rows. */
export function withMaterial(input: Values, row: SourceRow, { material }: Partial<Template>): Values | null {
  if (material === undefined || Object.hasOwn(input, material.field)) return input;
  const values = valuesOf(row);
  const column = materialColumn(Object.keys(values), [row.id_column]);
  if (column === null) return null;
  const { [column]: _moved, ...others } = input;
  const value = values[column];
  return { ...others, [material.field]: material.isList ? [value] : value };
}
