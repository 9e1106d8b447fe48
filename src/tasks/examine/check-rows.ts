import type { Problem } from '../../errors.ts';
import { hasName } from '../../lib/names.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import type { Templates } from '../../templates/templates.ts';
import { bracedPlaces, NO_BRACES, placesOf } from '../render/places.ts';
import { materialColumn } from '../render/render-row.ts';
import type { TaskDefaults } from '../task.ts';
import type { Work, WorkSource } from '../work.ts';
import { MAX_COLUMN } from './kept-task.ts';
import { maxColumnsIn } from './max-columns.ts';

const COLUMNS_NAMED = 40;

/** The columns as a message names them. */
function listed(columns: readonly string[]): string {
  const named = columns.slice(0, COLUMNS_NAMED).map(quoteName).join(', ');
  return columns.length > COLUMNS_NAMED ? `${named} and ${columns.length - COLUMNS_NAMED} more` : named;
}

/**
 * The problems of the shared settings for a source with these columns, whatever is in its rows: reported once, not
 * for every row.
 */
export function checkRows(
  { defaults, source, expect, output_places = [], variants }: Work,
  columns: readonly string[],
  templates: Templates,
): Problem[] {
  const { prompt = '', input_data = {} } = defaults;
  const texts: [field: string, text: string, names: readonly string[]][] = [
    ['prompt', prompt, [...Object.keys(input_data), ...columns]],
  ];
  for (const [name, value] of Object.entries(input_data)) {
    if (typeof value === 'string') texts.push([`input_data.${name}`, value, columns]);
  }
  if (source.kind === 'from_batch' && source.awaits === 'tasks') return checkPurpose(defaults, source);
  return [
    ...checkPurpose(defaults, source),
    ...texts.flatMap(([field, text, names]) => checkPlaces(field, text, names, columns, source.kind)),
    ...checkMaterial(defaults, source, columns, templates),
    ...checkOutputPlaces({ source, output_places, variants }, columns),
    ...checkExpected(Object.values(expect ?? {}), source, columns),
    ...checkMaxColumns(defaults.output_schema, source, columns),
  ];
}

/** Checks the answer files' names for listed tasks, which have only their ids to name a file after. */
export function checkTaskPlaces(work: Work): Problem[] {
  const { kind } = work.source;
  return kind === 'requests' || kind === 'requests_file' ? checkOutputPlaces(work, []) : [];
}

/** Checks that the placeholders in answer files' names are columns of the row or parts of the file's path. */
function checkOutputPlaces(
  { source: { kind }, output_places = [], variants }: Pick<Work, 'source' | 'output_places' | 'variants'>,
  columns: readonly string[],
): Problem[] {
  const own = variants === undefined ? ['task_id'] : ['task_id', 'variant'];
  const known = [...own, ...columns.filter((name) => kind !== 'input_files' || name !== 'text')];
  if (
    output_places.length > 0 &&
    variants !== undefined &&
    !output_places.some((name) => own.includes(name))
  ) {
    const problem = 'gives the answers of all variants the same name';
    return [{ field: 'output_pattern', problem, valid: 'one with {{variant}} in it' }];
  }
  return output_places
    .filter((name) => !hasName(known, name) && !hasName(known, name.split('.')[0] ?? ''))
    .map((name) => ({
      field: 'output_pattern',
      problem: `the place {{${name}}} names no column of ${kind}${didYouMean(name, known)}`,
      valid: listed(known),
    }));
}

/** A column that does not exist would let every length pass. */
function checkMaxColumns(schema: unknown, { kind }: WorkSource, columns: readonly string[]): Problem[] {
  return maxColumnsIn(schema)
    .filter((name) => !hasName(columns, name))
    .map((name) => ({
      field: 'output_schema',
      problem: `${MAX_COLUMN} ${quoteName(name)} is not a column of ${kind}${didYouMean(name, columns)}`,
      valid: listed(columns),
    }));
}

function checkExpected(
  expected: readonly string[],
  { kind }: WorkSource,
  columns: readonly string[],
): Problem[] {
  return expected
    .filter((name) => !hasName(columns, name))
    .map((name) => ({
      field: 'expect',
      problem: `${quoteName(name)} is not a column of ${kind}${didYouMean(name, columns)}`,
      valid: listed(columns),
    }));
}

function checkPurpose({ prompt, task_type }: TaskDefaults, { kind }: WorkSource): Problem[] {
  if (prompt !== undefined || task_type !== undefined) return [];
  const problem = `is missing: nothing says what to do with each task of ${kind}`;
  return [{ field: 'prompt', problem, valid: 'a prompt with {{places}}, or a task_type' }];
}

/**
 * Whether a placeholder's name is one of these, or leads into one; where the content of that is known, only to
 * existing fields.
 */
function isReachable(name: string, names: readonly string[]): boolean {
  if (hasName(names, name)) return true;
  const dots = [...name.matchAll(/\./g)].map(({ index }) => name.slice(0, index));
  return dots.some((head) => hasName(names, head) && !names.some((each) => each.startsWith(`${head}.`)));
}

function checkPlaces(
  field: string,
  text: string,
  names: readonly string[],
  columns: readonly string[],
  source: string,
): Problem[] {
  const braced = bracedPlaces(text, names).map((name) => ({
    field,
    problem: `the place {{${name}}} names a column and can't be filled: ${NO_BRACES}`,
    valid: `${quoteName(name.replaceAll(/[{}]/g, ''))} or the like, as the column's new name`,
  }));
  const unknown = placesOf(text)
    .filter((name) => !isReachable(name, names))
    .map((name) => ({
      field,
      problem: `the place {{${name}}} names no column of ${source}${didYouMean(name, names)}`,
      valid: listed(columns),
    }));
  return [...braced, ...unknown];
}

function checkMaterial(
  { task_type, prompt, input_data = {} }: TaskDefaults,
  source: WorkSource,
  columns: readonly string[],
  templates: Templates,
): Problem[] {
  if (task_type === undefined || prompt !== undefined) return [];
  const found = templates.find(task_type);
  if (found.kind === 'mistyped') return [];
  const { material, places = [] } = found.template;
  const known = [...Object.keys(input_data), ...columns];
  if (material === undefined && places.length > 0) {
    return checkPlaces(
      'task_type',
      places.map((name) => `{{${name}}}`).join(' '),
      known,
      columns,
      source.kind,
    );
  }
  if (material === undefined || [...columns, ...Object.keys(input_data)].includes(material.field)) return [];
  const id_column = source.kind === 'rows_file' ? source.id_column : undefined;
  if (materialColumn(columns, [id_column]) !== null) return [];
  return [
    {
      field: `input_data.${material.field}`,
      problem: `${task_type} works on "${material.field}", and it is unclear which column that is`,
      valid: `input_data: {"${material.field}": "{{column}}"} with one of ${listed(columns)}`,
    },
  ];
}
