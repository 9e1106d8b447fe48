import { ulid } from 'ulid';
import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, Part } from '../store/record.ts';
import type { Budget, Reservation } from '../store/shared-records.ts';
import type { Register } from '../store/store.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { formatApart, formatUsd } from './cost.ts';
import { endedReservations } from './ended-reservations.ts';
import { roundUsd } from './pricing.ts';

/** A UTC day's budget in US dollars. */
export type BudgetState = {
  /** For example `2026-11-22`. */
  day: string;
  /** Whether it is everybody's budget, or that of one HTTP user. */
  of: 'all' | 'user';
  limit: number;
  /** What the day's ended submissions actually cost. */
  spent: number;
  /** What its open submissions can cost at most. */
  reserved: number;
  left: number;
};

const nothing: Budget = { spent_usd: 0, open: [] };
/** Of so many open reservations the ones that are over are looked for: each of them takes reading a record. */
const SETTLED_EVERY = 32;

/**
 * Reserves what the parts that wait to be sent can cost at most, out of the budget of today. To be called
 * while they wait and before the first of them is sent, each time; a reservation that stands is renewed, not
 * added to. Sandbox work costs nothing and is not counted.
 *
 * Throws `cost_limit` where the budget does not hold it: nothing must be sent then.
 *
 * Reservations that are over are settled here, by what their batches' records say, and nowhere else: so
 * there is no second step that a crash could leave out, or that two processes could do twice. Not each time: until then
 * they count with their maximum.
 */
export async function reserveBudget(context: Context, record: BatchRecord): Promise<void> {
  if (record.provider === 'sandbox') return;
  const waiting = record.parts.filter(isWaiting);
  if (waiting.length === 0) return;
  const day = today(context);
  const register = context.store.budget(day);
  const reservation: Reservation = {
    // A new id each time: a process that judged an earlier reservation to be over must not remove this one.
    id: ulid(),
    batch_id: record.batch_id,
    parts: waiting.map((part) => ({
      number: part.number,
      usd: maximumOf(record, part),
      ...(part.unknown_sends && { send: part.unknown_sends }),
    })),
    holder: context.store.presence.self(),
    ...(record.user !== undefined && { user: record.user }),
  };
  const asked = reservedBy([reservation]);
  const before = (await register.read()) ?? nothing;
  const { left } = tightest(context, before, day, record.user);
  // Reservations that are over still count with their maximum, so more is left than this says; half of it leaves room for other processes.
  const isAmple = asked <= left / 2 && (before.open.length + 1) % SETTLED_EVERY !== 0;
  let renewed: Reservation['parts'] = [];
  const reserve = (ended: ReadonlyMap<string, number>) =>
    register.update((current) => {
      const settled = settle(current ?? nothing, ended);
      renewed = settled.open
        .filter((each) => each.batch_id === record.batch_id)
        .flatMap(({ parts }) => parts);
      const others = settled.open
        .map((each) => without(each, reservation, record))
        .filter(({ parts }) => parts.length > 0);
      const state = tightest(context, { ...settled, open: others }, day, record.user);
      if (asked > state.left) throw overBudget(asked, state);
      return { ...settled, open: [...others, reservation] };
    });
  try {
    await reserve(isAmple ? new Map() : await endedReservations(context.store, before.open));
  } catch (error) {
    if (!isAmple || !(error instanceof BatchError) || error.code !== 'cost_limit') throw error;
    // Others have taken the room meanwhile.
    const { open } = (await register.read()) ?? nothing;
    await reserve(await endedReservations(context.store, open));
  }
  await giveBackSettled(context, register, reservation, renewed);
}

/**
 * Takes out of a reservation the parts that were sent and settled in the budget since its record was read: the process may have
 * been suspended that long, and their cost would count twice. Parts that were sent under a reservation which this one replaced
 * stay in it.
 */
async function giveBackSettled(
  context: Context,
  register: Register<Budget>,
  reservation: Reservation,
  renewed: Reservation['parts'],
): Promise<void> {
  const now = await recordOrNull(context.store, reservation.batch_id);
  const isSame = (one: Reservation['parts'][number], other: Reservation['parts'][number]) =>
    one.number === other.number && one.send === other.send;
  const settled = reservation.parts.filter((reserved) => {
    const part = now?.parts.find(({ number }) => number === reserved.number);
    return part !== undefined && !isWaiting(part) && !renewed.some((each) => isSame(each, reserved));
  });
  if (settled.length === 0) return;
  await register.update((current) => {
    if (current === null) return null;
    const open = current.open.map((each) => {
      if (each.id !== reservation.id) return each;
      return { ...each, parts: each.parts.filter((part) => !settled.some((other) => isSame(part, other))) };
    });
    return { ...current, open: open.filter(({ parts }) => parts.length > 0) };
  });
}

/** The present state of today's budget, the tighter one of all and of `user`. Writes nothing. */
export async function budgetToday(context: Context, user = context.subject?.name): Promise<BudgetState> {
  const day = today(context);
  const budget = await context.store.budget(day).read();
  const ended = await endedReservations(context.store, budget?.open ?? []);
  return tightest(context, settle(budget ?? nothing, ended), day, user);
}

function today(context: Context): string {
  return context.now().toISOString().slice(0, 10);
}

function isWaiting({ progress }: Part): boolean {
  return progress.state === 'waiting' || progress.state === 'prepared' || progress.state === 'not_sent';
}

/** Its own maximum, or its share of the first attempt's estimate, by requests. */
function maximumOf({ estimate, request_count }: BatchRecord, part: Part): number {
  if (part.maximum_usd !== undefined) return part.maximum_usd;
  return ((estimate?.maximum ?? 0) * part.request_count) / request_count;
}

/**
 * The rest of an older reservation: parts that are reserved anew are not counted twice, nor are those that were
 * replaced.
 */
function without(older: Reservation, newer: Reservation, record: BatchRecord): Reservation {
  if (older.batch_id !== newer.batch_id) return older;
  const isThere = (number: number) => record.parts.some((part) => part.number === number);
  const parts = older.parts.filter(
    ({ number, send }) =>
      isThere(number) && !newer.parts.some((part) => part.number === number && part.send === send),
  );
  return { ...older, parts };
}

function reservedBy(open: readonly Reservation[]): number {
  return roundUsd(open.flatMap(({ parts }) => parts).reduce((sum, { usd }) => sum + usd, 0));
}

function settle({ spent_usd, spent_by = [], open }: Budget, ended: ReadonlyMap<string, number>): Budget {
  const over = open.filter(({ id }) => ended.has(id));
  const byUser = new Map(spent_by.map(({ user, usd }) => [user, usd]));
  for (const { id, user } of over) {
    if (user !== undefined) byUser.set(user, roundUsd((byUser.get(user) ?? 0) + (ended.get(id) ?? 0)));
  }
  return {
    spent_usd: roundUsd(over.reduce((sum, { id }) => sum + (ended.get(id) ?? 0), spent_usd)),
    ...(byUser.size > 0 && { spent_by: [...byUser].map(([user, usd]) => ({ user, usd })) }),
    open: open.filter(({ id }) => !ended.has(id)),
  };
}

type Ceilings = Pick<Context, 'dailyBudgetUsd' | 'userBudgetUsd'>;

/** The tighter budget: that of all, or of the user whose work it is. */
function tightest(
  { dailyBudgetUsd, userBudgetUsd }: Ceilings,
  budget: Budget,
  day: string,
  user: string | undefined,
): BudgetState {
  const ofAll = stateOf(budget, { day, of: 'all', limit: dailyBudgetUsd });
  if (user === undefined || userBudgetUsd === null) return ofAll;
  const own: Budget = {
    spent_usd: budget.spent_by?.find((each) => each.user === user)?.usd ?? 0,
    open: budget.open.filter((each) => each.user === user),
  };
  const ofUser = stateOf(own, { day, of: 'user', limit: userBudgetUsd });
  return ofUser.left < ofAll.left ? ofUser : ofAll;
}

function stateOf(
  { spent_usd, open }: Budget,
  { day, of, limit }: Pick<BudgetState, 'day' | 'of' | 'limit'>,
): BudgetState {
  const reserved = reservedBy(open);
  return {
    day,
    of,
    limit,
    spent: spent_usd,
    reserved,
    left: Math.max(0, roundUsd(limit - spent_usd - reserved)),
  };
}

function overBudget(asked: number, { day, of, limit, spent, reserved, left }: BudgetState): BatchError {
  const [most, rest] = formatApart(asked, left);
  return new BatchError(
    'cost_limit',
    `Nothing was sent: the work could cost up to ${most}, and ${rest} is left of ${of === 'user' ? 'your own' : 'the'} daily ` +
      `budget of ${formatUsd(limit)} (UTC day ${day}: ${formatUsd(spent)} spent, ${formatUsd(reserved)} reserved for ` +
      'work under way). Make it smaller: a cheaper model_tier, a lower max_tokens, or fewer tasks (max_tasks).' +
      (reserved > 0
        ? ' A batch that has ended gives back what it did not use once get_results has fetched it.'
        : '') +
      " The budget is the owner's; ask the person.",
  );
}
