import type { Problem } from '../errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import type { TaskEntry } from '../store/task-entry.ts';
import { type Block, createBlockBuilder } from './block.ts';
import { requestIdFor } from './custom-ids.ts';
import { type PlaceKind, placeName } from './place.ts';
import { type RenderedTask, type Renderer, renderTask } from './render.ts';
import { checkRendered } from './rendered-request.ts';
import type { SourceItem } from './sources/source-row.ts';
import { createTaskParser, givenId, itemName, type Task, type TaskDefaults } from './task.ts';
import { isUnambiguous } from './verbatim.ts';

/** What examining an item goes by. */
export type Examination = Renderer & {
  defaults: TaskDefaults;
  partBytes: number;
  /** As `2026-11-22`. */
  today: string;
  /** Of the custom ids that are made. */
  nonce: string;
  places: PlaceKind;
};

/** An item as it stands in a file. */
export type Source = { text: string; bytes: Uint8Array };

/** Checks and renders items one after another, and gathers what becomes of them. */
export type Examiner = {
  /** `source` is what `value` was read from, where that is at hand. */
  add(number: number, value: unknown, source?: Source): void;
  /** A row or a file. */
  addItem(item: SourceItem): void;
  /** An item that can't be read. */
  refuse(number: number, problem: Problem): void;
  /** Whether there is enough of it for the disk, and for another thread. */
  readonly isFull: boolean;
  /** All since the last time; null where there was no item. */
  take(): Block | null;
};

/** Far more than any task needs, and far less than what overflows the call stack of whoever walks through one. */
const MOST_LEVELS = 500;

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

export function createExaminer(examination: Examination): Examiner {
  const { requests, requestIds } = examination.dialect;
  const parseTask = createTaskParser(examination.dialect);
  const createBlock = () => createBlockBuilder(examination.dialect);
  let block = createBlock();

  function check(number: number, value: unknown, source: Source | undefined): Problem[] {
    const place = placeName(examination.places, number);
    if (isDeeper(value, MOST_LEVELS)) {
      const problem = `is nested more than ${MOST_LEVELS} levels deep`;
      return [{ item: place, problem, valid: 'a flatter task' }];
    }
    const parsed = parseTask(value, place);
    if (!parsed.ok) return parsed.problems;
    const { task } = parsed;
    const asGiven = source !== undefined && canGoVerbatim(task, value, source.text) ? source.bytes : null;
    return checkTask(number, task, itemName(place, task.task_id), asGiven);
  }

  /** `asGiven` is the request itself, where it can go out as it stands. */
  function checkTask(number: number, task: Task, item: string, asGiven: Uint8Array | null): Problem[] {
    const named = (problems: Problem[]) => problems.map((problem) => ({ ...problem, item }));
    const rendering = renderTask(task, examination.defaults, examination);
    if (!rendering.ok) return named(rendering.problems);
    const { rendered } = rendering;
    const requestId = requestIdFor(task.task_id, number, examination.nonce, requestIds);
    const isAsGiven = task.kind === 'native' && rendered.params === task.params;
    const written = isAsGiven ? asGiven : null;
    const bytes = block.addRequest(written ?? requests.encode(requestId, rendered.params));
    const found = checkRendered(rendered, bytes, examination);
    if (found.problems.length > 0) return named(found.problems);
    block.addTask(taskEntry(task, requestId, rendered), rendered, found.warnings);
    return [];
  }

  return {
    add(number, value, source) {
      const id = givenId(value);
      block.countItem();
      if (id !== null) block.addId(number, id);
      const problems = check(number, value, source);
      if (problems.length > 0) block.addProblems(number, problems);
    },
    addItem(item) {
      block.countItem();
      if ('problem' in item) {
        block.addProblems(item.number, [{ item: item.place, ...item.problem }]);
        return;
      }
      const { number, place, task_id } = item;
      block.addId(number, { field: 'task_id', value: task_id });
      block.addColumns(Object.keys(item.cells));
      const name = place === task_id ? place : itemName(place, task_id);
      const problems = checkTask(number, { kind: 'row', task_id, row: item }, name, null);
      if (problems.length > 0) block.addProblems(number, problems);
    },
    refuse(number, problem) {
      block.countItem();
      block.addProblems(number, [{ item: placeName(examination.places, number), ...problem }]);
    },
    get isFull() {
      return block.isFull;
    },
    take() {
      const taken = block.take();
      block = createBlock();
      return taken;
    },
  };
}

/**
 * Whether a native request goes out as it stands, which spares writing it anew: that takes as long as all the rest.
 * One with more keys has nulls beside it, for parsing let it pass.
 */
function canGoVerbatim(task: Task, value: unknown, text: string): boolean {
  return (
    task.kind === 'native' &&
    isJsonObject(value) &&
    Object.keys(value).length === 2 &&
    isUnambiguous(text, value)
  );
}

function taskEntry(task: Task, requestId: string, rendered: RenderedTask): TaskEntry {
  return {
    task_id: task.task_id,
    ...(requestId !== task.task_id && { custom_id: requestId }),
    ...(rendered.task_type !== undefined && { task_type: rendered.task_type }),
    model: rendered.model.id,
    ...(rendered.structured && { structured: true as const }),
    expected_output_tokens: rendered.expected_output_tokens,
    ...(task.kind === 'row' && { row: stringifyExact(task.row.kept ?? task.row.cells) }),
  };
}
