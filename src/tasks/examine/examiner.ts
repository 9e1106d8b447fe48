import type { Problem } from '../../errors.ts';
import { findHalfCharacters } from '../../lib/half-characters.ts';
import { isJsonObject, MOST_LEVELS } from '../../lib/json.ts';
import { type Block, createBlockBuilder, type SharedRequest } from '../block.ts';
import { requestIdFor } from '../ids.ts';
import { createPacker, type Group, type HeldTask, isDearer, packOf } from '../packing/packer.ts';
import { renderTask } from '../render/render.ts';
import type { AnswerSchema, RenderedTask, Renderer } from '../render/rendered-task.ts';
import { type Item, itemWarnings, withTextAsPrompt, withTextIds } from '../requests/read-item.ts';
import { createSchemaHashes } from '../schemas.ts';
import type { SourceItem } from '../sources/source-row.ts';
import {
  createTaskParser,
  exactParams,
  givenId,
  itemName,
  type PlaceKind,
  placeName,
  type Task,
  type TaskDefaults,
} from '../task.ts';
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

/** Checks and renders items one after another, and gathers the results in blocks. */
export type Examiner = {
  add(number: number, item: Item): void;
  /** A row or a file. */
  addItem(item: SourceItem): void;
  /** An item that can't be read. */
  refuse(number: number, problem: Problem): void;
  /** 1 or more once there is enough for the disk, or for another thread. */
  readonly fullness: number;
  /** Everything since the last call, except tasks that wait to share a request; null where there was no item. */
  take(): Block | null;
  /** Ends the work: makes the waiting tasks into requests. */
  end(): void;
};

export function createExaminer(examination: Examination): Examiner {
  const { requests, requestIds } = examination.dialect;
  const parseTask = createTaskParser(examination.dialect);
  const { pack: size } = examination;
  const createBlock = (before: Block | null) =>
    createBlockBuilder(examination.dialect, { isPacked: size !== undefined, before });
  let block = createBlock(null);
  const packer = createPacker(size ?? 1, (groups, wasShortened) =>
    block.addShared(groups.map((group) => requestsOf(group, wasShortened))),
  );
  const hashes = createSchemaHashes();
  const tasksEach = examination.variants?.length ?? 1;

  function check(number: number, item: Item, warnings: string[]): Problem[] {
    const place = placeName(examination.places, number);
    if (item.isTooDeep) {
      const problem = `is nested more than ${MOST_LEVELS} levels deep`;
      return [{ item: place, problem, valid: 'a flatter task' }];
    }
    if (item.mayHoldHalf) {
      const halves = findHalfCharacters(item.value);
      const name = itemName(place, givenId(item.value)?.value);
      if (halves.length > 0) return halves.map((problem) => ({ ...problem, item: name }));
    }
    const parsed = parseTask(item, place);
    if (!parsed.ok) return parsed.problems;
    const { task } = parsed;
    const read = {
      asGiven: canGoVerbatim(task, item.value) ? item.bytes : undefined,
      warnings,
    };
    return checkTask(number, task, itemName(place, task.task_id), read);
  }

  /** An item becomes one task, or one per variant. */
  function checkTask(number: number, given: Task, item: string, read: Read): Problem[] {
    const asked: Asked[] = [];
    const sharing: HeldTask[] = [];
    const problems = problemsOver(examination, (defaults, variant, index) => {
      if (variant === undefined) return addTask({ number, task: given, item, defaults, sharing }, read);
      const unfit = checkVariant(given, variant);
      if (unfit.length > 0) return unfit;
      const task = { ...given, task_id: variantId(given.task_id, variant.name) };
      const place = { number: (number - 1) * tasksEach + index + 1, task, item, defaults, sharing };
      return addTask({ ...place, variant, asked }, read);
    });
    const [first, ...others] = sharing;
    if (first !== undefined) packer.add([first, ...others]);
    return problems.map((problem) => ({ ...problem, item }));
  }

  function addTask(placed: Placed, { asGiven, warnings }: Read): Problem[] {
    const { number, task, item, defaults, variant, asked = [] } = placed;
    const rendering = renderTask(task, defaults, examination);
    if (!rendering.ok) return rendering.problems;
    const rendered = variant ? ofVariant(rendering.rendered, variant) : rendering.rendered;
    const requestId = requestIdFor(task.task_id, number, examination.nonce, requestIds);
    const schema = noteSchema(number, item, rendered.answer_schema);
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

  /** Puts tasks into one request, or into several where a single one would be too large or dearer. */
  function requestsOf(group: Group, wasShortened: boolean): SharedRequest[] {
    const [first, ...others] = group;
    const { entry, rendered } = first;
    if (others.length === 0) {
      const body = requests.encode(entry.custom_id ?? entry.task_id, rendered.params);
      return [{ body, request: rendered, tasks: group }];
    }
    const pack = packOf(group, examination.dialect);
    const id = `pack_${first.number}_${examination.nonce}`;
    const body = requests.encode(id, pack.params);
    const { problems, warnings } = checkRendered(pack, Buffer.byteLength(body), examination);
    if (problems.length > 0 || isDearer(pack, rendered)) {
      const half = Math.ceil(group.length / 2);
      const [next, ...rest] = group.slice(half);
      return [
        ...requestsOf([first, ...group.slice(1, half)], true),
        ...(next === undefined ? [] : requestsOf([next, ...rest], true)),
      ];
    }
    const notes = [...warnings, ...(wasShortened ? [FEWER] : [])];
    const tasks = group.map(({ entry, rendered, number, warnings }) => ({
      entry: { ...entry, pack: id, max_tokens: rendered.max_tokens },
      rendered,
      number,
      warnings: [...new Set([...warnings, ...notes])],
    }));
    return [{ body, request: pack, tasks }];
  }

  /** Notes the answer's schema; returns its hash, and whether the answer has to quote its input. */
  function noteSchema(number: number, item: string, asked: AnswerSchema | undefined): NotedSchema {
    if (asked === undefined) return { quotes: false };
    const { field, isShared } = asked;
    const { hash, schema } = hashes.of(asked.schema);
    block.addSchema(hash, { schema, number, item: isShared ? null : item, field });
    return { hash, quotes: asksForQuotes(schema) };
  }

  return {
    add(number, given) {
      const item = withTextIds(withTextAsPrompt(given, number));
      const id = givenId(item.value);
      block.countItem(tasksEach);
      if (id !== null) block.addId(number, id);
      const problems = check(number, item, item.isTooDeep ? [] : itemWarnings(given));
      if (problems.length > 0) block.addProblems(number, problems);
    },
    addItem(item) {
      block.countItem(tasksEach);
      if ('problem' in item) {
        block.addColumns(item.columns ?? []);
        block.addProblems(item.number, [{ item: item.place, ...item.problem }]);
        return;
      }
      const { number, place, task_id } = item;
      block.addId(number, { field: 'task_id', value: task_id });
      block.addColumns([...Object.keys(item.cells), ...(item.within ?? [])]);
      const name = place === task_id ? place : itemName(place, task_id);
      const halves = findHalfCharacters(item.cells).map((problem) => ({ ...problem, item: name }));
      const row: Task = { kind: 'row', task_id, row: item };
      const problems = halves.length > 0 ? halves : checkTask(number, row, name, { warnings: [] });
      if (problems.length > 0) block.addProblems(number, problems);
    },
    refuse(number, problem) {
      block.countItem(tasksEach);
      block.addProblems(number, [{ item: placeName(examination.places, number), ...problem }]);
    },
    get fullness() {
      return block.fullness;
    },
    take() {
      const taken = block.take(packer.held);
      block = createBlock(taken);
      block.countItem(packer.held);
      return taken;
    },
    end: () => packer.flush(),
  };
}

const FEWER =
  'a request is shared by fewer tasks than pack says: more would not fit, or would cost more a token';

/**
 * Whether a native request can be sent byte for byte, which saves writing it anew: that would take as long as all the
 * rest. Further keys can only be nulls, since parsing let them pass.
 */
function canGoVerbatim(task: Task, value: unknown): boolean {
  return task.kind === 'native' && isJsonObject(value) && Object.keys(value).length === 2;
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

const ofVariant = (rendered: RenderedTask, { name }: Variant): RenderedTask => ({
  ...rendered,
  variant: name,
  identity: { variant: name, task: rendered.identity },
});

/** What was found when reading a task: the request's bytes, where they can be sent unchanged, and warnings. */
type Read = { asGiven?: Uint8Array | undefined; warnings: string[] };
