import type { Problem } from '../../../errors.ts';
import { plainObject } from '../../../lib/exact-json.ts';
import { sha256OfText } from '../../../lib/files/file-hash.ts';
import type { Dialect, Params, ParamsChange, SharedRow } from '../../../provider/dialect.ts';
import type { ModelCatalog } from '../../../provider/models.ts';
import type { TaskEntry } from '../../../store/task-entry.ts';
import { packExpected, packMaximum } from '../../packing/packer.ts';
import { sharePrompt } from '../../packing/shared-content.ts';
import { keptInput, promptFor } from './new-prompt.ts';
import type { ChosenTask, SentRequest } from './sent-requests.ts';

/** A task that was sent in a request that it shared. */
export type SharedTask = { selected: ChosenTask; entry: TaskEntry; sent: SentRequest };

const ownId = ({ custom_id, task_id }: TaskEntry): string => custom_id ?? task_id;

export const sharesRequest = ({ id }: SentRequest, entry: TaskEntry): boolean => id !== ownId(entry);

/** Causes that have nothing to do with what a request asks: what failed for them is sent again as it was. */
const PASSING = new Set([
  'expired',
  'canceled',
  'missing',
  'overloaded_error',
  'api_error',
  'timeout_error',
  'rate_limit_error',
  'billing_error',
  'spend_limit_error',
  'authentication_error',
  'permission_error',
]);

/**
 * How much longer an answer may be than before: twice, where it was cut off; `shorter` makes less of what was paid for nothing,
 * as that money is gone.
 */
export function lengthFactor({ cause }: ChosenTask, shorter: number): number {
  if (cause === 'max_tokens') return 2;
  return cause === null || PASSING.has(cause) ? 1 : shorter;
}

/** In half the group that it was in when the answer to all failed it; finally alone. */
function sizeFor({ cause }: ChosenTask, was: number): number {
  return cause === null || PASSING.has(cause) ? was : Math.max(1, Math.floor(was / 2));
}

/** What was sent, read once for all who shared it. */
export type PackReader = (params: Params) => { rows: readonly SharedRow[]; shared: string };

export function createPackReader({ requests }: Pick<Dialect, 'requests'>): PackReader {
  const known = new WeakMap<Params, ReturnType<PackReader>>();
  return (params) => {
    const found = known.get(params);
    if (found !== undefined) return found;
    const { max_tokens: _own, ...shared } = requests.withRows(params, []);
    const read = { rows: requests.rowsOf(params), shared: sha256OfText(requests.encode('', shared)) };
    known.set(params, read);
    return read;
  };
}

/** At most this many kinds of requests are open at a time. */
const MOST_OPEN = 40;

/**
 * Puts tasks that shared requests together again, as many as their causes allow; each group as soon as it is known. Those of
 * several variants come in turns: of each there is a group of its own.
 */
export function createRegrouping<T extends SharedTask>(read: PackReader) {
  const groups = new Map<string, T[]>();

  function flush(): T[][] {
    const done = [...groups.values()];
    groups.clear();
    return done;
  }

  return {
    add(task: T): T[][] {
      const { rows, shared } = read(task.sent.params);
      const size = sizeFor(task.selected, rows.length);
      const key = `${size} ${task.sent.schema ?? task.entry.schema} ${shared}`;
      const done = groups.size < MOST_OPEN || groups.has(key) ? [] : flush();
      const group = groups.get(key) ?? [];
      groups.set(key, group);
      group.push(task);
      if (group.length < size) return done;
      groups.delete(key);
      return [...done, group];
    },
    flush,
  };
}

export type PackChange = Omit<ParamsChange, 'longer' | 'prompt'> & {
  prompt: string | undefined;
  shorter: number;
};

/** The params of a request for these tasks, and its expected length; `at_limit` for one that can't get longer. */
export function regrouped(
  tasks: readonly SharedTask[],
  change: PackChange,
  { requests }: Pick<Dialect, 'requests'>,
  { read, catalog }: { read: PackReader; catalog: ModelCatalog },
): { params: Params; removed: string[]; expected: number } | { problems: Problem[] } | 'at_limit' {
  const [first] = tasks;
  if (first === undefined) return { problems: [] };
  const rows: SharedRow[] = [];
  const problems: Problem[] = [];
  let prompt: string | undefined;
  for (const { entry, sent } of tasks) {
    const row = read(sent.params).rows.find(({ id }) => id === ownId(entry));
    if (row === undefined) {
      const problem = 'is no longer in the request that was sent of it';
      problems.push({ field: 'task_ids', problem, valid: 'the task given whole in requests' });
      continue;
    }
    const made: Reworded = change.prompt === undefined ? { row } : underPrompt(row, entry, change.prompt);
    if ('problems' in made) problems.push(...made.problems);
    else {
      rows.push(made.row);
      prompt ??= made.prompt;
    }
  }
  if (problems.length > 0) return { problems };

  const sent = requests.facts(first.sent.params);
  const model = change.model ?? catalog.find(sent.model ?? '');
  const most = tasks.map((task) => longestAnswer(task, change, read));
  const max_tokens = model === undefined ? (sent.max_tokens ?? 0) : packMaximum(model, most);
  const isCut = tasks.every(({ selected }) => selected.cause === 'max_tokens');
  // Alone, and cut off at the most that the model can give.
  if (isCut && tasks.length === 1 && max_tokens <= (sent.max_tokens ?? 0) && rowsBefore(first, read) === 1)
    return 'at_limit';
  const { shorter: _used, ...changes } = change;
  const next = requests.change(requests.withRows(first.sent.params, rows, prompt), {
    ...changes,
    prompt: undefined,
    max_tokens,
    longer: null,
  });
  const expected = tasks.map(({ entry }) => entry.expected_output_tokens ?? 0);
  return { params: next.params, removed: next.removed, expected: packExpected(expected, max_tokens) };
}

const rowsBefore = ({ sent }: SharedTask, read: PackReader): number => read(sent.params).rows.length;

/** How long the answer to a task may be. */
function longestAnswer({ selected, entry, sent }: SharedTask, change: PackChange, read: PackReader): number {
  if (change.max_tokens !== undefined) return change.max_tokens;
  const { max_tokens } = plainObject(sent.params);
  const all = typeof max_tokens === 'number' ? max_tokens : 0;
  const share = entry.max_tokens ?? Math.ceil(all / Math.max(1, read(sent.params).rows.length));
  return Math.ceil(share * lengthFactor(selected, change.shorter));
}

type Reworded = { row: SharedRow; prompt?: string } | { problems: Problem[] };

/** A row under another prompt, made from what is kept of its task. */
function underPrompt(row: SharedRow, entry: TaskEntry, prompt: string): Reworded {
  const filled = promptFor(entry, prompt);
  if ('problems' in filled) return filled;
  const values = keptInput(entry);
  const shared = sharePrompt(prompt, {}, { places: values, input: values });
  return { row: { ...row, text: shared.text }, prompt: shared.prompt };
}
