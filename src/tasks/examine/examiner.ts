import type { Problem } from '../../errors.ts';
import { findHalfCharacters } from '../../lib/half-characters.ts';
import { isJsonObject, MOST_LEVELS } from '../../lib/json.ts';
import { type Block, createBlockBuilder } from '../block.ts';
import { createPacker } from '../packing/packer.ts';
import { requestsOf } from '../packing/share-requests.ts';
import { type Item, itemWarnings, withTextAsPrompt, withTextIds } from '../requests/read-item.ts';
import { createSchemaHashes } from '../schemas.ts';
import type { SourceItem } from '../sources/source-row.ts';
import { createTaskParser, givenId, itemName, placeName, type Task } from '../task.ts';
import { type Examination, type Examining, examineTask } from './examine-task.ts';

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
  const { dialect, pack, places, variants } = examination;
  const parseTask = createTaskParser(dialect);
  const createBlock = (before: Block | null) =>
    createBlockBuilder(dialect, { isPacked: pack !== undefined, before });
  const packer = createPacker(pack ?? 1, (groups, wasShortened) =>
    examining.block.addShared(groups.map((group) => requestsOf(group, wasShortened, examination))),
  );
  const tasksEach = variants?.length ?? 1;
  const schemas = createSchemaHashes();
  const examining: Examining = { examination, schemas, packer, tasksEach, block: createBlock(null) };
  return {
    add(number, given) {
      const item = withTextIds(withTextAsPrompt(given, number));
      const id = givenId(item.value);
      examining.block.countItem(tasksEach);
      if (id !== null) examining.block.addId(number, id);
      const warnings = item.isTooDeep ? [] : itemWarnings(given);
      const problems = examineItem(examining, parseTask, number, item, warnings);
      if (problems.length > 0) examining.block.addProblems(number, problems);
    },
    addItem(item) {
      examining.block.countItem(tasksEach);
      const problems = examineRow(examining, item);
      if (problems.length > 0) examining.block.addProblems(item.number, problems);
    },
    refuse(number, problem) {
      examining.block.countItem(tasksEach);
      examining.block.addProblems(number, [{ item: placeName(places, number), ...problem }]);
    },
    get fullness() {
      return examining.block.fullness;
    },
    take() {
      const taken = examining.block.take(packer.held);
      examining.block = createBlock(taken);
      examining.block.countItem(packer.held);
      return taken;
    },
    end: () => packer.flush(),
  };
}

/** Reads an item of a list of tasks and examines it. Returns what is wrong with it. */
function examineItem(
  examining: Examining,
  parseTask: ReturnType<typeof createTaskParser>,
  number: number,
  item: Item,
  warnings: string[],
): Problem[] {
  const place = placeName(examining.examination.places, number);
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
  const asGiven = canGoVerbatim(task, item.value) ? item.bytes : undefined;
  return examineTask(examining, number, task, itemName(place, task.task_id), { asGiven, warnings });
}

/**
 * Whether a native request can be sent byte for byte, which saves writing it anew: that would take as long as all the
 * rest. Further keys can only be nulls, since parsing let them pass.
 */
function canGoVerbatim(task: Task, value: unknown): boolean {
  return task.kind === 'native' && isJsonObject(value) && Object.keys(value).length === 2;
}

/** Examines a row or a file. Returns what is wrong with it. */
function examineRow(examining: Examining, row: SourceItem): Problem[] {
  const { block } = examining;
  if ('problem' in row) {
    block.addColumns(row.columns ?? []);
    return [{ item: row.place, ...row.problem }];
  }
  const { number, place, task_id } = row;
  block.addId(number, { field: 'task_id', value: task_id });
  block.addColumns([...(row.columns ?? []), ...Object.keys(row.cells), ...(row.within ?? [])]);
  const item = place === task_id ? place : itemName(place, task_id);
  const halves = findHalfCharacters(row.cells);
  if (halves.length > 0) return halves.map((problem) => ({ ...problem, item }));
  return examineTask(examining, number, { kind: 'row', task_id, row }, item, { warnings: [] });
}
