import * as z from 'zod';
import type { Problem } from '../errors.ts';
import { isJsonObject, withoutNulls } from '../lib/json.ts';
import type { ContextDocument, Dialect, IdForm } from '../provider/dialect.ts';
import { type Effort, efforts, type Tier, tiers } from '../provider/models.ts';
import { actualType, problemsOf, unlessText } from './problems.ts';
import { foreignItem } from './requests/foreign-items.ts';
import type { Item } from './requests/read-item.ts';
import type { SourceRow } from './sources/source-row.ts';

const text = z
  .string()
  .refine((value) => value.trim() !== '', { error: 'a string that is not empty or blank' });
const jsonObject = z.record(z.string(), z.unknown());

/** Settings that a task may have, and that a call may set for all tasks without them. */
const settings = {
  task_type: text.max(64).optional(),
  prompt: text.optional(),
  input_data: jsonObject.optional(),
  system: text.optional(),
  model_tier: z.enum(tiers).optional(),
  model: text.optional(),
  effort: z.enum(efforts).optional(),
  max_tokens: z.int().positive().optional(),
  output_schema: jsonObject.optional(),
};

const taskSchema = z.strictObject({ task_id: z.string().min(1).max(256), ...settings });
const nativeSchema = ({ pattern, valid }: IdForm) =>
  z.strictObject({ custom_id: z.string().regex(pattern, { error: valid }), params: jsonObject });

const taskKeys = Object.keys(taskSchema.shape);
const nativeKeys = ['custom_id', 'params'];

/** Settings for tasks without their own. Their `prompt` may have placeholders, `{{name}}`. */
export type TaskDefaults = {
  task_type?: string | undefined;
  prompt?: string | undefined;
  input_data?: Record<string, unknown> | undefined;
  system?: string | undefined;
  model_tier?: Tier | undefined;
  model?: string | undefined;
  effort?: Effort | undefined;
  max_tokens?: number | undefined;
  output_schema?: Record<string, unknown> | undefined;
  /** Documents before every task. */
  context?: readonly ContextDocument[] | undefined;
  /** Whether one request is sent first, alone, so that the others read the documents from the provider's cache. */
  primer?: true | undefined;
  /** Set where the schema is made from labels: such short answers need little effort. */
  labelled?: boolean | undefined;
};

/** One unit of the caller's work, as given; a row or a file has only the shared settings. */
export type Task =
  | ({ kind: 'task'; task_id: string } & TaskDefaults)
  | { kind: 'row'; task_id: string; row: SourceRow }
  | NativeTask;

/** `exact` are the params with every number as written, where JavaScript's numbers would differ. */
export type NativeTask = {
  kind: 'native';
  task_id: string;
  params: Record<string, unknown>;
  exact?: Record<string, unknown>;
};

/** The params as they are sent. */
export const exactParams = ({ params, exact }: NativeTask): Record<string, unknown> => exact ?? params;

type ParsedTask = { ok: true; task: Task } | { ok: false; problems: Problem[] };

/** The place of a task, with its id where that can be repeated safely. */
export function itemName(place: string, id: unknown): string {
  return typeof id === 'string' && id.length <= 64 && /^[\w-]+$/.test(id) ? `${place} (${id})` : place;
}

/** Reads one item of a list of tasks; `place` says where it is, as in `requests[3]`. */
type TaskParser = (item: Item, place: string) => ParsedTask;

export function createTaskParser({ requestIds }: Pick<Dialect, 'requestIds'>): TaskParser {
  const native = nativeSchema(requestIds);

  /**
   * Whether an item has exactly the form of a native request, so that parsing would only copy it: a file may consist
   * of a hundred thousand of them.
   */
  function isPlainNative(value: object): value is z.infer<typeof native> {
    if (!isJsonObject(value) || Object.keys(value).length !== nativeKeys.length) return false;
    const { custom_id, params } = value;
    return typeof custom_id === 'string' && requestIds.pattern.test(custom_id) && isJsonObject(params);
  }

  function parse(value: unknown, place: string): ParsedTask {
    if (!isJsonObject(value)) return { ok: false, problems: [notAnObject(value, place)] };
    if (isPlainNative(value)) {
      return { ok: true, task: { kind: 'native', task_id: value.custom_id, params: value.params } };
    }
    const given = withoutNulls(value);
    const foreign = foreignItem(given, itemName(place, given.custom_id), taskKeys);
    if (foreign !== null) return { ok: false, problems: [foreign] };
    // A native request's id on a task of ours is reported as an unknown key of the task.
    const isOwn = !('params' in given) && taskKeys.some((key) => key in given);
    if ('params' in given || ('custom_id' in given && !isOwn)) {
      const parsed = native.safeParse(given, { reportInput: true });
      const item = itemName(place, given.custom_id);
      if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, nativeKeys, item) };
      return {
        ok: true,
        task: { kind: 'native', task_id: parsed.data.custom_id, params: parsed.data.params },
      };
    }
    const parsed = taskSchema.safeParse(given, { reportInput: true });
    const item = itemName(place, given.task_id);
    if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error, taskKeys, item) };
    return { ok: true, task: { kind: 'task', ...parsed.data } };
  }

  return ({ value, exact }, place) => {
    const parsed = parse(value, place);
    return parsed.ok && exact !== value ? { ok: true, task: withExactNumbers(parsed.task, exact) } : parsed;
  };
}

/** The task with the content that the model reads exactly as written. */
function withExactNumbers(task: Task, exact: unknown): Task {
  if (!isJsonObject(exact) || task.kind === 'row') return task;
  const { params, input_data, output_schema } = exact;
  if (task.kind === 'native') return isJsonObject(params) ? { ...task, exact: params } : task;
  return {
    ...task,
    ...(isJsonObject(input_data) && { input_data }),
    ...(isJsonObject(output_schema) && { output_schema }),
  };
}

function notAnObject(value: unknown, place: string): Problem {
  return {
    item: place,
    problem: `is ${actualType(value)}`,
    valid: `an object${unlessText(value)}: {task_id, task_type, input_data}, {task_id, prompt} or {custom_id, params}`,
  };
}

export { settings as taskSettings };

/** The id that an item gives itself. */
export type GivenId = { field: 'task_id' | 'custom_id'; value: string };

/** The id of an item, which may be invalid otherwise; null where it has none. */
export function givenId(item: unknown): GivenId | null {
  const given: { task_id?: unknown; custom_id?: unknown } =
    typeof item === 'object' && item !== null ? item : {};
  // A null id counts as absent: otherwise two tasks with the same other id would pass for different ones.
  const field = (given.custom_id ?? null) === null ? 'task_id' : 'custom_id';
  const value = given[field];
  return typeof value === 'string' ? { field, value } : null;
}

/** How the items of a list are named. */
export type PlaceKind = 'requests' | 'line' | 'item' | 'row' | 'file' | 'answer';

/** How the caller would look for an item, as `requests[3]`, `line 4` or `row 4`; `number` counts from 1. */
export function placeName(kind: PlaceKind, number: number): string {
  return kind === 'requests' ? `requests[${number - 1}]` : `${kind} ${number}`;
}
