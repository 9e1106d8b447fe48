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

type MoveOptions = CopyOptions & {
  /** Whether a batch is being sent or made: what a process is working on can't be moved. */
  isBusy: (record: BatchRecord) => boolean;
  /** Continues a copy whose process can't be proven dead. */
  takeOver?: boolean;
};

export type Moved = Copied | 'already moved';

/**
 * Copies a store to another one, which from then on alone serves its batches. Both are closed first, the source for good; the target is
 * opened once the source is `left`, a change that only one process can make. It can break off at any point: the next call goes on.
 */
export async function moveStore(from: Movable, to: Movable, options: MoveOptions): Promise<Moved> {
  const [source, target] = [await from.state.read(), await to.state.read()];
  if (source?.state === 'left') {
    if (source.copy_id !== target?.copy_id) throw wrongState(`${from.place} was moved to ${source.other}.`);
    if (target.state === 'open') return 'already moved';
    // Source and target are the same store under two names.
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

/** Takes back an unfinished copy, so that the source serves again. False if there is nothing to take back. */
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
  // It may have been used since the first check, while it was still open.
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
      'Let their servers finish, or batch-mcp collect if these are gone, then call it again.',
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
  // The target was once copied to the source: this copy brings it back.
  if (state === 'left' && copy_id === source?.copy_id) return;
  // An earlier copy from this source was taken back.
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
  // From here on the process that copied before can't finish any more.
  await change(from, 'leaving', copy_id, (state) => ({ ...state, by: thisProcess() }));
  await to.close();
  await from.close();
  return copy_id;
}

function refuseAlive(by: MoveState['by'], takeOver = false): void {
  if (takeOver || by.nonce === thisProcess().nonce || isProvenDead(by)) return;
  throw wrongState(
    `Process ${by.pid} on ${by.host.split('#')[0]} is copying it, as far as this machine knows. If that process is gone, add --take-over.`,
  );
}

/** The busy batches of a closed store. An unreadable batch is being sent by nobody: it is copied as it is. */
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

/** Opens the target, whose source is closed for good. */
async function finish(to: Movable, { copy_id }: MoveState): Promise<void> {
  await to.reopen();
  await change(to, 'arriving', copy_id, (state) => ({ ...state, state: 'open' }));
}

/** Puts the target back into the state in which it was found. */
async function backTo(to: Movable, copyId: string, before: MoveState | null): Promise<void> {
  if (before !== null && !isOpen(before)) return change(to, 'arriving', copyId, () => before);
  await to.reopen();
  await change(to, 'arriving', copyId, (state) => ({ ...state, state: 'open' }));
}

const isOpen = (move: MoveState | null) => move === null || move.state === 'open';

const TAKEN = 'Another process has begun to copy it, has taken the copy over, or has taken it back.';

/** Changes the state of a store that this copy owns; throws if another process has it by now, or if `next` returns null. */
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

/** Changes the state of a store, if it is still the one that was read before. */
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
    `${place} is not empty: it has batches or a budget of its own, and two stores can't be merged. Name an empty folder, an empty ` +
      'database, or another schema of it (?schema=name).',
  );
