import type { Result } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import type { ErrorCode } from '../errors.ts';
import { LONGEST_WAIT_SECONDS } from '../state/context.ts';
import { objectInText } from './odd-messages.ts';
import { errorCodes, ProtocolError } from './protocol.ts';

/** The outcome of a look at a batch: the tool's result, and whether waiting longer would change nothing. */
export type Look = { result: Result; isOver: boolean };

const DO_NOT_HURRY_MS = 60_000;
const EARLY_MS = 2 * 60_000;
const EARLY_PAUSE_MS = 10_000;

/** A batch still unconfirmed after so many looks in a row needs a person. */
const UNCONFIRMED_LOOKS = 5;

/** So does a store that was unreachable for so many looks in a row, which is half an hour. */
const AWAY_LOOKS = 30;

/** The fields of a `batch_status` reply that are read here. */
const status = z.looseObject({
  batch_id: z.string(),
  processing_status: z.string(),
  provider: z.string().optional(),
  outcomes: z.record(z.string(), z.number()).optional(),
  cost_usd: z.looseObject({ expected: z.number(), actual: z.number().nullable() }).nullish(),
  created_at: z.string().optional(),
});
type Status = z.infer<typeof status>;

const taskParams = z.looseObject({ taskId: z.string().regex(/^batch_[0-9A-HJKMNP-TV-Z]{26}$/) });

type Task = {
  taskId: string;
  status: 'working' | 'completed';
  statusMessage: string;
  createdAt: string;
  lastUpdatedAt: string;
  /** Null: kept for good. */
  ttlMs: null;
  pollIntervalMs: number;
};

/**
 * Batches as tasks of the protocol, which let a client follow them in the background. A task's id is its batch's, and each
 * poll is a look at the batch, so that any process can be asked at any time.
 */
export function createTasks(
  look: (batchId: string, signal: AbortSignal) => Promise<Look>,
  isThere: (batchId: string) => Promise<boolean>,
) {
  const unconfirmed = new Map<string, number>();
  const away = new Map<string, number>();

  /** The ordinary result, and the task that represents the batch; null if the look failed. */
  function taskOf({ result, isOver }: Look): { result: Result; task: Task | null } {
    const read = status.safeParse(result.structuredContent);
    if (result.isError === true || !read.success) return { result, task: null };
    const { batch_id, processing_status } = read.data;
    const looks = processing_status === 'unconfirmed' ? (unconfirmed.get(batch_id) ?? 0) + 1 : 0;
    if (looks === 0) unconfirmed.delete(batch_id);
    else unconfirmed.set(batch_id, looks);
    const goesOn = !isOver || (looks > 0 && looks <= UNCONFIRMED_LOOKS);
    return { result, task: describe(read.data, goesOn ? 'working' : 'completed', new Date()) };
  }

  async function requireKnown(params: unknown): Promise<void> {
    const { taskId } = requireTask(params);
    // While the store can't be reached, the task must not be denied.
    const isKnown = await isThere(taskId).catch(() => true);
    if (!isKnown) throw noSuchTask();
  }

  return {
    /** Answers a call that would wait longer than a call may last: with a task, unless there is nothing to wait for. */
    begin(seen: Look): Result {
      const { result, task } = taskOf(seen);
      return task?.status === 'working' ? { resultType: 'task', ...task } : result;
    },
    /** Throws `invalidParams` if there is no such task. */
    async get(params: unknown, signal: AbortSignal): Promise<Result> {
      const { taskId } = requireTask(params);
      const { result, task } = taskOf(await look(taskId, signal));
      if (task === null) {
        if (failedWith(result, 'not_found')) throw noSuchTask();
        const looks = failedWith(result, 'store_failed') ? (away.get(taskId) ?? 0) + 1 : AWAY_LOOKS + 1;
        if (looks > AWAY_LOOKS) return { ...unseen(taskId, 'completed'), result: complete(result) };
        away.set(taskId, looks);
        return unseen(taskId, 'working');
      }
      away.delete(taskId);
      return task.status === 'working' ? task : { ...task, result: complete(result) };
    },
    /** Only stops following: the batch is paid for and goes on. */
    async cancel(params: unknown): Promise<Result> {
      await requireKnown(params);
      return {};
    },
    /** Nothing is ever asked of a task. */
    async update(params: unknown): Promise<Result> {
      await requireKnown(params);
      return {};
    },
  };
}

/** The arguments of a `batch_status` that would wait longer than a call may last; null for any other call. */
export function outlastsCall(given: unknown): object | null {
  const { wait_seconds, ...args } = argumentsOf(given);
  return Number(wait_seconds) > LONGEST_WAIT_SECONDS ? args : null;
}

function argumentsOf(given: unknown): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).safeParse(objectInText(given)).data ?? {};
}

const complete = (result: Result): Result => ({ resultType: 'complete', ...result });

function requireTask(params: unknown): { taskId: string } {
  const read = taskParams.safeParse(params);
  if (!read.success) throw noSuchTask();
  return read.data;
}

const noSuchTask = () =>
  new ProtocolError(errorCodes.invalidParams, 'There is no such task. Its id is that of a batch: batch_…');

/** Whether a tool's result is an error with that code. */
function failedWith({ content }: Result, code: ErrorCode): boolean {
  const [first] = z.array(z.looseObject({ text: z.string().optional() })).safeParse(content).data ?? [];
  return first?.text?.startsWith(`${code}:`) ?? false;
}

/** The task for a batch that can't be looked at: ever, or right now. */
function unseen(taskId: string, state: Task['status']): Task {
  const at = new Date().toISOString();
  return {
    taskId,
    status: state,
    statusMessage: state === 'working' ? 'The batch cannot be read right now' : 'The batch cannot be read',
    createdAt: at,
    lastUpdatedAt: at,
    ttlMs: null,
    pollIntervalMs: DO_NOT_HURRY_MS,
  };
}

function describe(seen: Status, state: Task['status'], now: Date): Task {
  const createdAt = seen.created_at ?? now.toISOString();
  const isEarly = now.getTime() - Date.parse(createdAt) < EARLY_MS;
  return {
    taskId: seen.batch_id,
    status: state,
    statusMessage: messageOf(seen),
    createdAt,
    lastUpdatedAt: now.toISOString(),
    ttlMs: null,
    pollIntervalMs: isEarly ? EARLY_PAUSE_MS : DO_NOT_HURRY_MS,
  };
}

const grouped = new Intl.NumberFormat('en-US');
const dollars = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const cents = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2, maximumFractionDigits: 20 });

/** For example "1,240 of 2,000, 0.84 dollars". Says so if the amount is only expected or the batch is the sandbox's. */
function messageOf({ outcomes, cost_usd, processing_status, provider }: Status): string {
  if (outcomes === undefined) return processing_status;
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const done = `${grouped.format(total - (outcomes.pending ?? 0))} of ${grouped.format(total)}`;
  // Made-up answers cost nothing.
  if (provider === 'sandbox') return `${done}, of the sandbox`;
  if (!cost_usd) return done;
  const { actual, expected } = cost_usd;
  const amount = actual ?? expected;
  const told = amount > 0 && amount < 0.01 ? cents.format(amount) : dollars.format(amount);
  return `${done}, ${told} dollars${actual === null ? ' expected' : ''}`;
}
