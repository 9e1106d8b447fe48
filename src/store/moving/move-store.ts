import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { BatchError } from '../../errors.ts';
import { counted } from '../../lib/numbers.ts';
import { decodeEnvelope } from '../envelope.ts';
import { isProvenDead, thisProcess } from '../process-identity.ts';
import { type BatchRecord, batchRecord } from '../record.ts';
import { changeWhere } from '../store.ts';
import { type Copied, type CopyOptions, copyContents } from './copy-contents.ts';
import type { Movable, MoveState } from './movable.ts';

/** How many batches a refusal names. */
const NAMED = 5;

export type MoveOptions = CopyOptions & {
  /** Whether a batch is being sent, or made: what is under way in a process can't be moved. */
  isBusy: (record: BatchRecord) => boolean;
  /** Goes on with a copy whose process can't be proven dead. */
  takeOver?: boolean;
};

export type Moved = Copied | 'already moved';

/**
 * Copies a store to another one, which from then on is the only one that serves its batches. Both are closed first, the source for good; the
 * other is opened when the source is `left`, which only one process can make it. It can break off at any point: whoever calls it again goes
 * on.
 */
export async function moveStore(from: Movable, to: Movable, options: MoveOptions): Promise<Moved> {
  const [source, target] = [await from.state.read(), await to.state.read()];
  if (source?.state === 'left') {
    if (source.copy_id !== target?.copy_id) throw wrongState(`${from.place} was moved to ${source.other}.`);
    if (target.state === 'open') return 'already moved';
    // Itself, by another name.
    if (target.state === 'left') throw wrongState(`${from.place} was moved to ${source.other}.`);
    await finish(to, target);
    return 'already moved';
  }
  const copyId =
    source?.state === 'leaving'
      ? await goOn(from, to, source, options)
      : await begin(from, to, { source, target }, options);
  const copied = await copyContents(from, to, options);
  const me = thisProcess().nonce;
  await change(from, 'leaving', copyId, (state) =>
    state.by.nonce === me ? { ...state, state: 'left' } : null,
  );
  const arriving = await to.state.read();
  if (arriving !== null) await finish(to, arriving);
  return copied;
}

/** Takes back a copy that did not come to its end: the source serves again. False where there is nothing to take back. */
export async function undoMove(from: Movable): Promise<boolean> {
  const state = await from.state.read();
  if (state === null || state.state === 'open') return false;
  if (state.state === 'left') {
    const next = `Copy it back: batch-mcp store copy from there.`;
    throw wrongState(`${from.place} was moved to ${state.other}, which serves its batches. ${next}`);
  }
  if (state.state === 'arriving') {
    throw wrongState(`${from.place} is being filled from ${state.other}: name that one with --from.`);
  }
  if (state.state === 'leaving')
    await change(from, 'leaving', state.copy_id, (each) => ({ ...each, state: 'opening' }));
  await from.reopen();
  await change(from, 'opening', state.copy_id, (each) => ({ ...each, state: 'open' }));
  return true;
}

type States = { source: MoveState | null; target: MoveState | null };

async function begin(
  from: Movable,
  to: Movable,
  { source, target }: States,
  { isBusy, takeOver }: MoveOptions,
): Promise<string> {
  if (source !== null && !isOpen(source))
    throw wrongState(`${from.place} is being filled from ${source.other}, or put back: finish that first.`);
  await refuseUnfit(from, to, { source, target }, takeOver);
  const mine = { copy_id: randomUUID(), by: thisProcess() };
  await replace(to, target, { state: 'arriving', other: from.place, ...mine });
  await to.close();
  // It may have come to be used since. What was there when it was closed is held against the source.
  if (isOpen(target) && (await to.isUsed())) {
    await backTo(to, mine.copy_id, target);
    throw notEmpty(to);
  }
  await replace(from, source, { state: 'leaving', other: to.place, ...mine });
  await from.close();
  const busy = await busyIn(from, isBusy);
  if (busy.length === 0) return mine.copy_id;
  await undoMove(from);
  await backTo(to, mine.copy_id, target);
  const named = busy.slice(0, NAMED).join(', ');
  throw wrongState(
    `${counted(busy.length, 'batch', 'batches')} of ${from.place} ${busy.length === 1 ? 'is' : 'are'} being sent or made right now: ${named}. Nothing was moved. ` +
      'Let their servers finish, or batch-mcp collect where these are gone, then call it again.',
  );
}

async function refuseUnfit(
  from: Movable,
  to: Movable,
  { source, target }: States,
  takeOver: boolean | undefined,
): Promise<void> {
  if (target === null || isOpen(target)) {
    if (await to.isUsed()) throw notEmpty(to);
    return;
  }
  const { state, copy_id, other, by } = target;
  // It was the source of the copy that made the source what it is.
  if (state === 'left' && copy_id === source?.copy_id) return;
  // That copy was taken back.
  if (state === 'arriving' && other === from.place) return refuseAlive(by, takeOver);
  throw wrongState(
    state === 'left'
      ? `${to.place} was moved to ${other}: only that can be copied back to it.`
      : `${to.place} is on its way to or from ${other}: finish that first.`,
  );
}

async function goOn(
  from: Movable,
  to: Movable,
  { copy_id, other, by }: MoveState,
  { takeOver }: MoveOptions,
): Promise<string> {
  const target = await to.state.read();
  if (target?.state !== 'arriving' || target.copy_id !== copy_id) {
    throw wrongState(
      `${from.place} is being moved to ${other}: go on with that, or take it back with batch-mcp store undo.`,
    );
  }
  refuseAlive(by, takeOver);
  // Whoever was at it can't finish any more.
  await change(from, 'leaving', copy_id, (state) => ({ ...state, by: thisProcess() }));
  await to.close();
  await from.close();
  return copy_id;
}

function refuseAlive(by: MoveState['by'], takeOver = false): void {
  if (takeOver || by.nonce === thisProcess().nonce || isProvenDead(by)) return;
  throw wrongState(
    `Process ${by.pid} of ${by.host.split('#')[0]} copies it, as far as this machine knows. If that is gone, add --take-over.`,
  );
}

/** Of a store that is closed. What can't be read is being sent by nobody: it is copied as it is. */
async function busyIn(from: Movable, isBusy: (record: BatchRecord) => boolean): Promise<string[]> {
  const busy: string[] = [];
  for (const batchId of await from.batchIds()) {
    const newest = (await from.batch(batchId).revisions()).at(-1);
    if (newest === undefined) continue;
    try {
      if (isBusy(decodeEnvelope(batchId, newest.text, batchRecord).value)) busy.push(batchId);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
    }
  }
  return busy;
}

/** Opens the other store, whose source is closed for good. */
async function finish(to: Movable, { copy_id }: MoveState): Promise<void> {
  await to.reopen();
  await change(to, 'arriving', copy_id, (state) => ({ ...state, state: 'open' }));
}

/** Leaves the other store as it was found. */
async function backTo(to: Movable, copyId: string, before: MoveState | null): Promise<void> {
  if (before !== null && !isOpen(before)) return change(to, 'arriving', copyId, () => before);
  await to.reopen();
  await change(to, 'arriving', copyId, (state) => ({ ...state, state: 'open' }));
}

const isOpen = (move: MoveState | null) => move === null || move.state === 'open';

const TAKEN = 'Another process has begun to copy it, has taken the copy over, or has taken it back.';

/** Changes the state of a store that this copy has; throws where it is another's by now, as where `next` gives none. */
async function change(
  store: Movable,
  before: MoveState['state'],
  copyId: string,
  next: (state: MoveState) => MoveState | null,
): Promise<void> {
  const { changed } = await changeWhere(store.state, (now) =>
    now.state === before && now.copy_id === copyId ? next(now) : null,
  );
  if (!changed) throw wrongState(`${store.place}: ${TAKEN}`);
}

/** As `change`, from whatever was read of it. */
async function replace(store: Movable, before: MoveState | null, next: MoveState): Promise<void> {
  let isSame = false;
  await store.state.update((now) => {
    isSame = isDeepStrictEqual(now, before);
    return isSame ? next : now;
  });
  if (!isSame) throw wrongState(`${store.place}: ${TAKEN}`);
}

const wrongState = (message: string) => new BatchError('wrong_state', message);

const notEmpty = ({ place }: Movable) =>
  wrongState(
    `${place} is not empty: it has batches, or a budget, of its own, and two stores can't be made one. Name an empty folder, or an empty ` +
      'database, or another schema of it (?schema=name).',
  );
