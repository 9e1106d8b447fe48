import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { endsWithin, type Refreshed } from '../../state/jobs.ts';
import { statusOf } from '../../state/status.ts';
import type { Agenda, Lease } from '../../store/agenda.ts';
import { lookAfter } from '../collect.ts';
import { nextLookInMs } from '../looking/next-look.ts';
import { pause, type WorkerOptions } from './watch-all.ts';

/** How many batches are looked at concurrently. */
const AT_ONCE = 8;
/** How often to ask for due batches. */
const ASK_MS = 1_000;
/** Batches that an older version wrote are in no agenda, so it is rebuilt this often. */
const REBUILD_MS = 5 * 60_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** The pauses before a batch whose looks fail is tried again. */
const FIRST_PUT_OFF_MS = 5_000;
const LONGEST_PUT_OFF_MS = 600_000;
/** A batch that this process may not send, another one may, or this one tomorrow. */
const HELD_BACK_MS = 300_000;
/** How long to wait for looks in progress once the worker is stopped. */
const LAST_LOOKS_MS = 500;

type Options = Required<Omit<WorkerOptions, 'everySeconds'>> & { everySeconds: number | undefined };

/** Doubles each time, with jitter. */
function putOff(first: number, longest: number, times: number): number {
  return Math.min(longest, first * 2 ** (times - 1)) * (0.5 + Math.random() / 2);
}

/** Looks at due batches that no other worker has, until it is stopped; then gives back its leases. */
export async function workOff(
  context: Context,
  agenda: Agenda,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const { leaseMs } = context.limits;
  const held = new Map<Lease, Promise<void>>();
  let wake = new AbortController();
  let failed = 0;
  let [renewed, rebuilt] = [performance.now(), Number.NEGATIVE_INFINITY];

  function begin(lease: Lease): void {
    const looked = lookAt(context, agenda, lease, options, signal).finally(() => {
      held.delete(lease);
      wake.abort();
    });
    held.set(lease, looked);
  }

  async function turn(): Promise<void> {
    const now = performance.now();
    if (now - rebuilt > REBUILD_MS) {
      const entered = await agenda.rebuild();
      if (entered > 0) context.log('info', `${entered} batches were added to the agenda`);
      rebuilt = now;
    }
    if (now - renewed > leaseMs / 4) {
      await agenda.renew([...held.keys()], leaseMs);
      renewed = now;
    }
    const free = AT_ONCE - held.size;
    if (free === 0) return;
    for (const lease of await agenda.take(free, leaseMs)) begin(lease);
  }

  while (!signal.aborted) {
    wake = new AbortController();
    try {
      await turn();
      failed = 0;
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      failed += 1;
      options.onFailure(error);
    }
    const ms =
      failed === 0 ? ASK_MS * (0.8 + Math.random() * 0.4) : putOff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failed);
    // With all slots busy, more may be due as soon as one is free.
    await pause(ms, held.size === AT_ONCE ? AbortSignal.any([signal, wake.signal]) : signal);
  }
  await endsWithin(
    Promise.all(held.values()).then(() => {}),
    LAST_LOOKS_MS,
  );
  await Promise.all([...held.keys()].map((lease) => giveBack(context, agenda, lease, atOnceAgain(lease))));
}

type Next = { pauseMs: number | null; failed: number };

/** Looks at a batch, reports it and gives it back. A failure is reported, and its next look tries again. */
async function lookAt(
  context: Context,
  agenda: Agenda,
  lease: Lease,
  { everySeconds, onLook }: Options,
  signal: AbortSignal,
): Promise<void> {
  const { batchId } = lease;
  let next: Next;
  try {
    const { batch, seen } = await lookAfter(context, batchId, { signal });
    if (!signal.aborted) onLook({ batches: [batch], failed: [], warnings: [] });
    next = nextOf(context, lease, seen, everySeconds);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    onLook({ batches: [], failed: [{ batch_id: batchId, problem }], warnings: [] });
    if (!(error instanceof BatchError))
      context.log('error', `${batchId}: a look ended with a fault: ${problem}`);
    next = afterNothing(lease);
  }
  await giveBack(context, agenda, lease, signal.aborted ? atOnceAgain(lease) : next);
}

/** A look that was interrupted is left to another worker. */
const atOnceAgain = ({ failed }: Lease): Next => ({ pauseMs: 0, failed });

function afterNothing({ failed }: Lease, leastMs = 0): Next {
  const times = failed + 1;
  return { pauseMs: Math.max(leastMs, putOff(FIRST_PUT_OFF_MS, LONGEST_PUT_OFF_MS, times)), failed: times };
}

/** When a batch is worth another look, given what this one found. */
function nextOf(context: Context, lease: Lease, seen: Refreshed, everySeconds: number | undefined): Next {
  const { record, failures, heldBack } = seen;
  const { notify, sandboxSeconds, limits } = context;
  const { longestPauseMs } = limits;
  const now = context.now();
  const pauseMs = nextLookInMs(record, { now, tells: notify !== null, sandboxSeconds, longestPauseMs });
  if (pauseMs === null) return { pauseMs, failed: 0 };
  if (heldBack !== undefined) return { pauseMs: HELD_BACK_MS, failed: 0 };
  const status = statusOf(record);
  // What this look could not do or settle, an immediate one probably can't either.
  if (failures.length > 0 || pauseMs === 0 || status === 'unconfirmed') return afterNothing(lease, pauseMs);
  const asked = status === 'in_progress' ? everySeconds : undefined;
  return { pauseMs: asked === undefined ? pauseMs : asked * 1000, failed: 0 };
}

/** If this fails, the lease simply expires. */
async function giveBack({ log }: Context, agenda: Agenda, lease: Lease, next: Next): Promise<void> {
  try {
    await agenda.release(lease, next);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    log('debug', `${lease.batchId} could not be given back: ${error.message}`);
  }
}
