import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { BatchError, type Problem } from '../errors.ts';
import { withoutNulls } from '../lib/json.ts';
import type { Params } from '../provider/dialect.ts';
import { actualType, problemsOf } from './problems.ts';
import { LONGEST_ID } from './sources/source-row.ts';
import { type Task, type TaskDefaults, taskSettings } from './task.ts';
import type { Variant, Work } from './work.ts';

const { task_type: _shared, ...variantSettings } = taskSettings;
const variantSchema = z.strictObject(variantSettings);
const variantKeys = Object.keys(variantSettings);

/** Separates an id from a variant's name; no name contains it, so no two tasks get the same id. */
const BETWEEN = '@';
const NAME = /^[A-Za-z0-9_-]{1,32}$/;
const A_NAME = '1 to 32 letters, digits, _ or -, as "A"';
const MOST_VARIANTS = 20;

/** Reads the variants of a call, over their shared settings. Throws `invalid_input` with all problems. */
export function readVariants(given: Readonly<Record<string, unknown>>, shared: TaskDefaults): Variant[] {
  const names = Object.keys(given);
  const problems: Problem[] = [];
  if (names.length < 2 || names.length > MOST_VARIANTS) {
    const problem = names.length < 2 ? 'holds one variant, so there is nothing to compare' : 'holds too many';
    const valid = `2 to ${MOST_VARIANTS}, as {"A": {"prompt": "…"}, "B": {"prompt": "…"}}`;
    problems.push({ field: 'variants', problem, valid });
  }
  const variants: Variant[] = [];
  for (const name of names) {
    if (!NAME.test(name)) {
      const problem = `has a variant whose name of ${name.length} characters cannot be part of an id`;
      problems.push({ field: 'variants', problem, valid: A_NAME });
      continue;
    }
    const field = `variants.${name}`;
    const value = given[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const valid = `an object of settings: ${variantKeys.join(', ')}`;
      problems.push({ field, problem: `is ${actualType(value)}`, valid });
      continue;
    }
    const parsed = variantSchema.safeParse(withoutNulls({ ...value }), { reportInput: true });
    if (!parsed.success) {
      const found = problemsOf(parsed.error, variantKeys);
      problems.push(...found.map((each) => ({ ...each, field: `${field}.${each.field ?? ''}` })));
      continue;
    }
    const variant = { name, own: parsed.data, defaults: overlaid(shared, parsed.data) };
    const equal = variants.find(({ defaults }) => isDeepStrictEqual(defaults, variant.defaults));
    if (equal !== undefined) {
      const problem = `asks exactly the same as variants.${equal.name}`;
      problems.push({ field, problem, valid: 'settings that differ' });
    }
    variants.push(variant);
  }
  if (problems.length === 0) return variants;
  throw new BatchError('invalid_input', 'The work was refused; nothing was sent.', { problems });
}

/** A variant's settings and fields take precedence, and its tier over a shared model. */
export function overlaid(shared: TaskDefaults, own: TaskDefaults): TaskDefaults {
  const hasModel = own.model !== undefined || own.model_tier !== undefined;
  return {
    ...shared,
    ...(hasModel && { model: undefined, model_tier: undefined }),
    ...own,
    ...(own.input_data && { input_data: { ...shared.input_data, ...own.input_data } }),
    ...(own.output_schema && { labelled: undefined }),
  };
}

/** The id of an item's task under a variant. */
export const variantId = (itemId: string, variant: string): string => `${itemId}${BETWEEN}${variant}`;

/** The id of the item that a task is made from: the same for all its variants. */
export const itemId = ({ task_id, variant }: { task_id: string; variant?: string | undefined }): string =>
  variant === undefined ? task_id : task_id.slice(0, -(BETWEEN.length + variant.length));

/** The settings of the work's tasks: one set, or one for each variant. */
export function settingsOf({ defaults, variants }: Pick<Work, 'defaults' | 'variants'>): TaskDefaults[] {
  return variants?.map((variant) => variant.defaults) ?? [defaults];
}

/**
 * The problems that `find` reports for each variant, or for work without variants. A problem of one variant is
 * reported under its name, one of all variants once.
 */
export function problemsOver(
  { defaults, variants }: { defaults: TaskDefaults; variants?: readonly Variant[] | undefined },
  find: (defaults: TaskDefaults, variant: Variant | undefined, index: number) => readonly Problem[],
): Problem[] {
  if (variants === undefined) return [...find(defaults, undefined, 0)];
  const found = variants.map((variant, index) => find(variant.defaults, variant, index));
  const keyOf = (problem: Problem) => JSON.stringify(problem);
  const told = new Map<string, Problem>();
  for (const [index, { name, own }] of variants.entries()) {
    for (const problem of found[index] ?? []) {
      const setting = /^\w+/.exec(problem.field ?? '')?.[0] ?? '';
      const isShared =
        !Object.hasOwn(own, setting) &&
        found.every((others) => others.some((other) => keyOf(other) === keyOf(problem)));
      const named = isShared ? problem : { ...problem, field: underName(name, problem.field) };
      told.set(keyOf(named), named);
    }
  }
  return [...told.values()];
}

const underName = (name: string, field: string | undefined) =>
  [`variants.${name}`, ...(field === undefined ? [] : [field])].join('.');

/** Why a task can't be combined with a variant: variants may only differ in what they state themselves. */
export function checkVariant(task: Task, { name, own }: Variant): Problem[] {
  if (task.kind === 'native') {
    const problem = 'is sent as it is, so no variant would change it';
    return [{ field: 'params', problem, valid: '{task_id, prompt}, or no variants' }];
  }
  const length = variantId(task.task_id, name).length;
  return [
    ...(length > LONGEST_ID
      ? [
          {
            field: 'task_id',
            problem: `has ${length} characters with ${BETWEEN}${name} appended`,
            valid: `at most ${LONGEST_ID}`,
          },
        ]
      : []),
    ...(task.kind === 'row' ? [] : overridden(task, own)).map((setting) => ({
      field: setting,
      problem: `is set by the task itself, so that of variants.${name} would not count`,
      valid: 'tasks without it, or variants without it',
    })),
  ];
}

/** The settings that both a task and its variant have. */
function overridden(task: TaskDefaults, own: TaskDefaults): string[] {
  const isSet = (setting: string) =>
    setting !== 'input_data' &&
    Object.entries(task).some(([name, value]) => name === setting && value !== undefined);
  const alike = (setting: string) =>
    setting === 'model' || setting === 'model_tier' ? ['model', 'model_tier'] : [setting];
  const settings = Object.keys(own).flatMap(alike).filter(isSet);
  const fields = Object.keys(own.input_data ?? {}).filter((key) => Object.hasOwn(task.input_data ?? {}, key));
  return [...new Set(settings), ...fields.map((key) => `input_data.${key}`)];
}

/** What a variant asks about an item. */
export type Asked = { name: string; params: Params };

/** Notes what a variant asks, and warns where another one asks exactly the same. */
export function sameAsked(asked: Asked[], name: string, params: Params): string[] {
  const same = asked.find((other) => isDeepStrictEqual(other.params, params));
  asked.push({ name, params });
  return same === undefined ? [] : [`variants ${same.name} and ${name} ask exactly the same`];
}
