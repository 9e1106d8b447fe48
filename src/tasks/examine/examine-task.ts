import type { Problem } from '../../errors.ts';
import type { createBlockBuilder } from '../block.ts';
import { requestIdFor } from '../ids.ts';
import type { HeldTask, Packer } from '../packing/packer.ts';
import { renderTask } from '../render/render.ts';
import type { AnswerSchema, RenderedTask, Renderer } from '../render/rendered-task.ts';
import type { SchemaHashes } from '../schemas.ts';
import { exactParams, type PlaceKind, type Task, type TaskDefaults } from '../task.ts';
import { type Asked, checkVariant, problemsOver, sameAsked, variantId } from '../variants.ts';
import type { Variant } from '../work.ts';
import { checkRendered } from './check-rendered.ts';
import type { Expectations } from './expected-values.ts';
import { asksForQuotes, type NotedSchema, quotableOf, taskEntry, UNREAD_QUOTES } from './kept-task.ts';
import { checksInVain } from './max-columns.ts';
import { settingsUsed } from './unused-settings.ts';

/** Everything that examining an item depends on. */
export type Examination = Renderer & {
  defaults: TaskDefaults;
  variants?: readonly Variant[] | undefined;
  expect?: Expectations | undefined;
  partBytes: number;
  /** As `2026-11-22`. */
  today: string;
  /** The random part of made-up custom ids. */
  nonce: string;
  places: PlaceKind;
};

/** An examination under way. */
export type Examining = {
  readonly examination: Examination;
  readonly schemas: SchemaHashes;
  /** Keeps tasks until enough of them share a request. */
  readonly packer: Packer;
  /** How many tasks an item becomes: one, or one per variant. */
  readonly tasksEach: number;
  /** Receives what is made. */
  block: ReturnType<typeof createBlockBuilder>;
};

/** What was found when reading a task: the request's bytes, where they can be sent unchanged, and warnings. */
type Read = { asGiven?: Uint8Array | undefined; warnings: string[] };

/** Makes an item into one task, or into one per variant. Returns what is wrong with it. */
export function examineTask(
  examining: Examining,
  number: number,
  given: Task,
  item: string,
  read: Read,
): Problem[] {
  const { examination, tasksEach, packer } = examining;
  const asked: Asked[] = [];
  const sharing: HeldTask[] = [];
  const problems = problemsOver(examination, (defaults, variant, index) => {
    if (variant === undefined)
      return addTask(examining, { number, task: given, item, defaults, sharing }, read);
    const unfit = checkVariant(given, variant);
    if (unfit.length > 0) return unfit;
    const task = { ...given, task_id: variantId(given.task_id, variant.name) };
    const place = { number: (number - 1) * tasksEach + index + 1, task, item, defaults, sharing };
    return addTask(examining, { ...place, variant, asked }, read);
  });
  const [first, ...others] = sharing;
  if (first !== undefined) packer.add([first, ...others]);
  return problems.map((problem) => ({ ...problem, item }));
}

type Placed = {
  /** Its place among all tasks. */
  number: number;
  task: Task;
  /** How the caller would look for its item. */
  item: string;
  defaults: TaskDefaults;
  /** Receives the task where it waits to share a request. */
  sharing: HeldTask[];
  variant?: Variant;
  /** What the item's earlier variants ask. */
  asked?: Asked[];
};

/** Renders and checks a task, and gives it to the block, or to those that wait to share a request. */
function addTask(examining: Examining, placed: Placed, { asGiven, warnings }: Read): Problem[] {
  const { examination, block } = examining;
  const { requests, requestIds } = examination.dialect;
  const { number, task, item, defaults, variant, asked = [] } = placed;
  const rendering = renderTask(task, defaults, examination);
  if (!rendering.ok) return rendering.problems;
  const rendered = variant ? ofVariant(rendering.rendered, variant) : rendering.rendered;
  const requestId = requestIdFor(task.task_id, number, examination.nonce, requestIds);
  const schema = noteSchema(examining, number, item, rendered.answer_schema);
  const isAsGiven = task.kind === 'native' && rendered.params === exactParams(task);
  const body = (isAsGiven ? asGiven : undefined) ?? requests.encode(requestId, rendered.params);
  const { sharing } = rendered;
  const bytes = sharing === undefined ? block.addRequest(body) : Buffer.byteLength(body);
  const found = checkRendered(rendered, bytes, examination);
  if (found.problems.length > 0) return found.problems;
  block.addSettings(settingsUsed(task, defaults, variant?.own));
  const quotable = schema.quotes ? quotableOf(task, rendered, requests) : {};
  const entry = { ...taskEntry(task, requestId, rendered, schema, defaults), ...quotable };
  const said = [
    ...warnings,
    ...found.warnings,
    ...(quotable.text_at?.length === 0 ? [UNREAD_QUOTES] : []),
    ...checksInVain(task, defaults, { ...examination, schema: rendered.answer_schema?.schema }),
    ...(variant === undefined ? [] : sameAsked(asked, variant.name, rendered.params)),
  ];
  if (sharing === undefined) block.addTasks([{ entry, rendered, warnings: said }], rendered);
  else placed.sharing.push({ entry, rendered: { ...rendered, sharing }, number, warnings: said });
  return [];
}

const ofVariant = (rendered: RenderedTask, { name }: Variant): RenderedTask => ({
  ...rendered,
  variant: name,
  identity: { variant: name, task: rendered.identity },
});

/** Notes the answer's schema; returns its hash, and whether the answer has to quote its input. */
function noteSchema(
  { block, schemas }: Examining,
  number: number,
  item: string,
  asked: AnswerSchema | undefined,
): NotedSchema {
  if (asked === undefined) return { quotes: false };
  const { field, isShared } = asked;
  const { hash, schema } = schemas.of(asked.schema);
  block.addSchema(hash, { schema, number, item: isShared ? null : item, field });
  return { hash, quotes: asksForQuotes(schema) };
}
