import { hash } from 'node:crypto';
import { type CostFindings, createCostFinder } from '../cost/cost-sheet.ts';
import { type CostGroup, createTally } from '../cost/tally.ts';
import type { Problem } from '../errors.ts';
import { gatherBytes } from '../lib/gathered-bytes.ts';
import type { Dialect } from '../provider/dialect.ts';
import { type TaskEntry, taskLine } from '../store/task-entry.ts';
import type { TaskLines } from '../store/task-list.ts';
import { createWarningList } from './examine/check-rendered.ts';
import { canonicalText } from './identity.ts';
import { createKeptProblems } from './problem-list.ts';
import type { RenderedTask } from './render/rendered-task.ts';
import type { GivenId } from './task.ts';
import type { RequestRun } from './write/write-bodies.ts';

/** A problem of the item at this place in the caller's list. */
export type PlacedProblem = { number: number; problem: Problem };

/** The ids that consecutive items give themselves, including those of invalid items. */
export type GivenIds = {
  values: string[];
  /** The items' numbers in the caller's list. */
  numbers: Uint32Array;
  /** 1 where it is a `custom_id`, 0 where it is a `task_id`. */
  native: Uint8Array;
};

/** A schema as JSON, and where to report a problem with it. */
export type PlacedSchema = { schema: string; number: number; item: string | null; field: string };

/** How the tasks of a run share its requests. */
type SharedRequests = {
  /** For each task, the index of its request in the run. */
  request: Uint32Array;
  /** How many consecutive requests must stay together, group by group: only together are their tasks consecutive. */
  together: Uint32Array;
};

/** What was made from consecutive items, as data that threads can exchange. */
export type Block = {
  /** How many tasks the items become, including invalid ones. */
  items: number;
  ids: GivenIds;
  /** Its first problems. Where there are any, the fields below are not complete. */
  problems: PlacedProblem[];
  /** How many further problems there are, by field. */
  unnamed_problems: ReadonlyMap<string, number>;
  requests: RequestRun;
  tasks: TaskLines;
  /** 32 bytes per task: the SHA-256 of its meaning. */
  digests: Uint8Array;
  costs: CostFindings;
  /** Where tasks share requests: how, and what they would cost in requests of their own. */
  packed?: SharedRequests & { alone: CostGroup[] };
  /** How many tasks each warning applies to. */
  warnings: ReadonlyMap<string, number>;
  task_types: ReadonlySet<string>;
  /** The shared settings that some of them use. */
  settings: ReadonlySet<string>;
  /** The schemas that answers are requested with, under their hashes, each with the first place where it occurs. */
  schemas: ReadonlyMap<string, PlacedSchema>;
  /** What the rows of a table have; none for other work. */
  columns: ReadonlySet<string>;
  /** Its tasks work on answers of others, so that their requests are made when these are there. */
  is_stand_in?: true;
};

/** The memory that a block can transfer to another thread instead of copying it. */
export function transferable({ requests, tasks, digests, ids }: Block): ArrayBuffer[] {
  return [
    requests.bytes,
    requests.lengths,
    tasks.bytes,
    tasks.lengths,
    digests,
    ids.numbers,
    ids.native,
  ].flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}

const BLOCK_BYTES = 1024 * 1024;
const BLOCK_ITEMS = 4096;

/** Where texts become bytes: hashing a text itself takes longer, as it is copied more often. */
let encoding = Buffer.allocUnsafe(BLOCK_BYTES / 64);

/** SHA-256 of a text. One with only Latin letters is hashed as one byte each, which is a third of the work. */
function digestOf(text: string): Buffer {
  const isLatin = !/[\u0100-\uffff]/.test(text);
  const most = 1 + text.length * 3;
  if (encoding.length < most) encoding = Buffer.allocUnsafe(most);
  // First how the rest is to be read: else two texts could come to the same bytes.
  encoding[0] = isLatin ? 1 : 2;
  const bytes = encoding.write(text, 1, isLatin ? 'latin1' : 'utf8');
  return hash('sha256', encoding.subarray(0, 1 + bytes), 'buffer');
}

/** A task as it was checked. */
type MadeTask = { entry: TaskEntry; rendered: RenderedTask; warnings: readonly string[] };

/** A request, and the tasks that share it, each with its place among all; or the one task that has it for itself. */
export type SharedRequest = {
  body: string;
  request: RenderedTask;
  tasks: readonly (MadeTask & { number: number })[];
};

/** Entries of native requests take next to nothing, those of rows as much as the requests; growing into that would copy it five times. */
function entryBytes(before: Block | null): number {
  const bytes = before?.tasks.bytes.length ?? 0;
  return Math.min(Math.max(bytes + bytes / 8, BLOCK_BYTES / 16), 2 * BLOCK_BYTES);
}

/** Gathers what becomes of consecutive items; the block before shows how much room that takes. */
export function createBlockBuilder(
  { requests: wire }: Pick<Dialect, 'requests'>,
  { isPacked, before }: { isPacked: boolean; before: Block | null },
) {
  const ids: { values: string[]; numbers: number[]; native: number[] } = {
    values: [],
    numbers: [],
    native: [],
  };
  const problems = createKeptProblems<PlacedProblem & { field?: string }>();
  let isRefused = false;
  let items = 0;
  const requests = gatherBytes(BLOCK_BYTES + BLOCK_BYTES / 8);
  const requestLengths: number[] = [];
  const tasks = gatherBytes(entryBytes(before));
  const taskLengths: number[] = [];
  const digests = gatherBytes(BLOCK_BYTES / 64);
  const costs = createCostFinder(wire);
  const warnings = createWarningList();
  const task_types = new Set<string>();
  const settings = new Set<string>();
  const columns = new Set<string>();
  const schemas = new Map<string, PlacedSchema>();
  const requestOf: number[] = [];
  const together: number[] = [];
  const alone = createTally();

  /** Returns the bytes that the request takes. */
  function addRequest(body: string | Uint8Array): number {
    // With a problem nothing will be sent.
    if (isRefused) return typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    if (requestLengths.length > 0) requests.add(wire.body.between);
    const bytes = requests.add(body);
    requestLengths.push(bytes);
    return bytes;
  }

  function addEntry({ entry, rendered, warnings: found }: MadeTask): void {
    taskLengths.push(tasks.add(taskLine(entry)));
    digests.add(digestOf(canonicalText(rendered.identity)));
    warnings.add(found);
    if (rendered.task_type !== undefined) task_types.add(rendered.task_type);
    if (isPacked) alone.add(rendered);
  }

  return {
    /** 1 where there is enough of it for the disk, and for another thread. */
    get fullness() {
      return Math.max(items / BLOCK_ITEMS, requests.length / BLOCK_BYTES);
    },
    /** An item, which is to become this many tasks. */
    countItem(tasks: number) {
      items += tasks;
    },
    addId(number: number, { field, value }: GivenId) {
      ids.values.push(value);
      ids.numbers.push(number);
      ids.native.push(field === 'custom_id' ? 1 : 0);
    },
    addColumns(names: readonly string[]) {
      for (const name of names) columns.add(name);
    },
    addSchema(hash: string, schema: PlacedSchema) {
      if (!schemas.has(hash)) schemas.set(hash, schema);
    },
    addProblems(number: number, found: readonly Problem[]) {
      isRefused ||= found.length > 0;
      for (const problem of found)
        problems.add({ number, problem, ...(problem.field !== undefined && { field: problem.field }) });
    },
    addSettings(names: readonly string[]) {
      for (const name of names) settings.add(name);
    },
    addRequest,
    /** The tasks behind the request that was added last; `request` is what they share, where they are several. */
    addTasks(made: readonly MadeTask[], request: RenderedTask) {
      if (isRefused) return;
      for (const each of made) {
        addEntry(each);
        requestOf.push(requestLengths.length - 1);
      }
      together.push(1);
      costs.add(request);
    },
    /** Requests of the same items, the list of each variant, and their tasks in the caller's order. */
    addShared(variants: readonly (readonly SharedRequest[])[]) {
      if (isRefused) return;
      const made = variants.flat().flatMap(({ body, request, tasks }) => {
        addRequest(body);
        costs.add(request);
        const place = requestLengths.length - 1;
        return tasks.map((task) => ({ ...task, place }));
      });
      for (const { place, ...task } of made.toSorted((a, b) => a.number - b.number)) {
        addEntry(task);
        requestOf.push(place);
      }
      const [only, ...others] = variants;
      together.push(...(others.length === 0 ? (only ?? []).map(() => 1) : [variants.flat().length]));
    },
    /** Null where there was no item; `held` of them are for the next block. */
    take(held = 0): Block | null {
      if (items === 0) return null;
      return {
        items: items - held,
        ids: {
          values: ids.values,
          numbers: Uint32Array.from(ids.numbers),
          native: Uint8Array.from(ids.native),
        },
        problems: problems.all().map(({ number, problem }) => ({ number, problem })),
        unnamed_problems: problems.unnamed(),
        requests: { bytes: requests.bytes(), lengths: Uint32Array.from(requestLengths) },
        tasks: { bytes: tasks.bytes(), lengths: Uint32Array.from(taskLengths) },
        digests: digests.bytes(),
        costs: costs.findings(),
        ...(isPacked && {
          packed: {
            request: Uint32Array.from(requestOf),
            together: Uint32Array.from(together),
            alone: alone.groups(),
          },
        }),
        warnings: warnings.counts(),
        task_types,
        settings,
        schemas,
        columns,
      };
    },
  };
}
