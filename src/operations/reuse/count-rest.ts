import { type Costs, createCostSheet } from '../../cost/cost-sheet.ts';
import { roundUsd } from '../../cost/pricing.ts';
import type { KnownOutput } from '../../cost/tally.ts';
import { createUsageTally } from '../../cost/usage.ts';
import { BatchError } from '../../errors.ts';
import type { Dialect } from '../../provider/dialect.ts';
import type { Context } from '../../state/context.ts';
import type { Reused } from '../../store/record.ts';
import { decodeEntries, type TaskEntry } from '../../store/task-entry.ts';
import type { Block } from '../../tasks/block.ts';
import type { RequestSink } from '../../tasks/gather.ts';
import type { Rendering } from '../../tasks/render/rendered-task.ts';
import { createChangedRequests } from '../../tasks/sources/sent/change-sent.ts';
import {
  createPackReader,
  createRegrouping,
  type SharedTask,
  sharesRequest,
} from '../../tasks/sources/sent/regroup.ts';
import type { SentRequest } from '../../tasks/sources/sent/sent-requests.ts';
import { requestTexts } from '../../tasks/write/write-bodies.ts';
import type { Pilot } from './pilot.ts';

/** Work without the tasks that a pilot has answered. None of it is written. */
export type Rest = { costs: Costs; request_count: number; reused: Reused };

/**
 * Counts the prepared requests that `takeOver` would leave to be sent. `rest` is null where the pilot has answered
 * none of them.
 */
export function createRestCounter(
  context: Context,
  pilot: Pilot,
  dialect: Dialect,
  knownOutput: KnownOutput,
  primed = false,
): RequestSink & { rest(): Promise<Rest | null> } {
  const { requests: wire } = dialect;
  const requests = createChangedRequests(context, {}, dialect);
  const sheet = createCostSheet(dialect, knownOutput, { primed });
  const taken: { ordinal: number; entry: TaskEntry }[] = [];
  let request_count = 0;

  const regrouping = createRegrouping<SharedTask>(createPackReader(dialect));

  function take(entry: TaskEntry, rendering: Rendering | 'at_limit'): void {
    if (rendering === 'at_limit' || !rendering.ok)
      throw new BatchError('internal', `A request that was prepared, of ${entry.task_id}, is refused.`);
    sheet.add({ ...rendering.rendered, variant: entry.variant });
  }
  function takeShared(groups: readonly SharedTask[][]): void {
    for (const group of groups) {
      const [first] = group;
      if (first !== undefined) take(first.entry, requests.makeShared(group));
    }
  }

  function count(entry: TaskEntry, sent: Pick<SentRequest, 'id' | 'params'>): void {
    const ordinal = pilot.find(entry, sent);
    if (ordinal !== undefined) {
      taken.push({ ordinal, entry });
      return;
    }
    const source = { sent: { ...sent, schema: entry.schema, corrected: false } };
    const selected = { ordinal: request_count, outcome: 'expired' as const, cause: null };
    if (sharesRequest(source.sent, entry)) takeShared(regrouping.add({ selected, entry, ...source }));
    else {
      takeShared(regrouping.flush());
      take(entry, requests.make(selected, entry, source));
    }
    request_count += 1;
  }

  return {
    add({ requests: run, tasks, packed }: Pick<Block, 'requests' | 'tasks' | 'packed'>) {
      const entries = decodeEntries('the tasks', Buffer.from(tasks.bytes));
      const requests = [...requestTexts(run)].map((text) => wire.decode(text));
      for (const [task, entry] of entries.entries()) {
        const sent = requests[packed?.request[task] ?? task] ?? null;
        if (sent === null) throw new BatchError('internal', 'A prepared request is not a request.');
        count(entry, sent);
      }
    },
    async rest() {
      takeShared(regrouping.flush());
      if (taken.length === 0) return null;
      const usd = await paidFor(context, pilot, dialect, taken);
      return {
        costs: sheet.finish(),
        request_count,
        reused: { count: taken.length, usd, batch_id: pilot.record.batch_id },
      };
    },
  };
}

const CHUNK = 100;

/** What the reused answers cost; null where that is not known. */
async function paidFor(
  { catalog }: Context,
  pilot: Pilot,
  { results }: Dialect,
  taken: readonly { ordinal: number; entry: TaskEntry }[],
): Promise<number | null> {
  const tally = createUsageTally(catalog);
  for (let start = 0; start < taken.length; start += CHUNK) {
    const chunk = taken.slice(start, start + CHUNK);
    const lines = await pilot.view.lines(chunk.map(({ ordinal }) => ordinal));
    for (const [index, { entry }] of chunk.entries()) {
      const usage = results.count(lines[index] ?? Buffer.alloc(0))?.usage;
      const { model, task_type = null, effort = null } = entry;
      if (usage) tally.add(usage, { model, task_type, effort });
    }
  }
  const costs = tally.finish().map(({ cost_usd }) => cost_usd);
  return costs.some((cost) => cost === null)
    ? null
    : roundUsd(costs.reduce((sum: number, cost) => sum + (cost ?? 0), 0));
}
