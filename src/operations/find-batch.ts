import { BatchError } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import { batchIds, isProviderBatchId } from '../provider/dialects.ts';
import { claimByRecord, readClaim } from '../sending/claims.ts';
import type { Context } from '../state/context.ts';
import { isOwn, isOwner, maySee } from '../state/subject.ts';
import type { BatchRecord } from '../store/record.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { type ListedBatch, readListing } from './list/listing.ts';
import { adoptBatch, unknownToAll } from './list/remote-batches.ts';
import { preparingKey } from './looking/sending-jobs.ts';

const ownId = /^batch_[0-9A-HJKMNP-TV-Z]{26}$/;

/**
 * The batch that a caller means, by its id here; `note` says which one it is where the caller did not give its id.
 */
type FoundBatch = { batch_id: string; note: string | null };

/**
 * Finds a batch by its id here, the provider's id (which adopts a batch that another program made), its name, a
 * unique prefix of its id or name, or `last`. Throws `invalid_input` where none or several match.
 */
export async function findBatch(context: Context, given: string, field = 'batch_id'): Promise<FoundBatch> {
  if (ownId.test(given)) {
    const batch_id = context.jobs.forwarded(given);
    if (await isHidden(context, batch_id)) throw unknownBatch(given);
    return { batch_id, note: null };
  }
  if (!isProviderBatchId(given)) return findByName(context, given, field);
  const owner = (await readClaim(context, given))?.owner ?? (await claimByRecord(context, given));
  const batch_id = owner?.batch_id ?? (await adoptBatch(context, given));
  if (await isHidden(context, batch_id)) throw unknownToAll(given);
  return { batch_id, note: null };
}

/**
 * Whether a batch belongs to somebody else or does not exist: the caller must not learn which. One that is still
 * being prepared belongs to its submitter.
 */
async function isHidden(context: Context, batchId: string): Promise<boolean> {
  return !isOwner(context) && !(await isThere(context, batchId));
}

/** Whether there is such a batch, or it is still being prepared, and whoever calls may know of it. */
export async function isThere(context: Context, batchId: string): Promise<boolean> {
  const owned = (await recordOrNull(context.store, batchId)) ?? context.jobs.ownerOf(preparingKey(batchId));
  return owned !== null && maySee(context, owned);
}

/** Shorter prefixes say too little: every id begins with `batch_`. */
const SHORTEST_PREFIX = 3;
const LAST = ['last', 'latest', 'newest', 'most recent', 'recent', 'current', 'last one', 'the last one'];

const NONE_YET = 'is the newest batch, and there is none yet: submit_batch makes one';

/** An id in quotes or brackets, after what it is, or at the end of a sentence. Text that merely contains one may mean anything. */
const WRAPPED_ID =
  /^(?:batch(?:[ _-]?id)?\s*[:=]?\s*)?(?:(["'`]|\*\*|)(?<quoted>(?:msg)?batch_\w+)\1|[<([](?<bracketed>(?:msg)?batch_\w+)[>)\]])[.,;:]?$/i;
/** An id in a URL, or in the path of one. */
const LINKED_ID =
  /^(?:(?:https?|batch-mcp):\/\/[^\s?#]*)?\/(?:[^\s?#]*\/)?(?<linked>(?:msg)?batch_\w+)(?:[/?#]\S*)?$/i;
/** An id that was shown cut off. */
const CUT_ID = /^(batch_\w+)(?:\.{3}|…)$/;

/** The caller's own batches come before those of others. */
async function findByName(context: Context, given: string, field: string): Promise<FoundBatch> {
  const wanted = given.trim().toLowerCase().replace(CUT_ID, '$1');
  const { found } = await readListing(context);
  const batches = found.map(({ listed }) => listed);
  const own = meantBy(
    wanted,
    batches.filter((batch) => isOwn(context, batch)),
  );
  const matching = own.length > 0 ? own : meantBy(wanted, batches);
  const [first, second] = matching;
  if (first === undefined) {
    const match = WRAPPED_ID.exec(given.trim()) ?? LINKED_ID.exec(given.trim());
    const { quoted, bracketed, linked } = match?.groups ?? {};
    const id = quoted ?? bracketed ?? linked;
    if (id === undefined || id === given) {
      throw noSuchBatch(field, LAST.includes(wanted) ? NONE_YET : 'is not the id or the name of a batch');
    }
    const { batch_id } = await findBatch(context, id, field);
    return { batch_id, note: `${field} ${quoteName(given)} is ${batch_id}.` };
  }
  if (second !== undefined) throw noSuchBatch(field, `may be any of ${idsOf(matching)}`);
  const note = `${field} ${quoteName(given)} is ${first.batch_id}, created ${first.created_at}.`;
  return { batch_id: first.batch_id, note };
}

function meantBy(wanted: string, batches: readonly ListedBatch[]): ListedBatch[] {
  const named = batches.filter(({ name }) => name.toLowerCase() === wanted);
  if (named.length > 0) return named;
  return LAST.includes(wanted) ? batches.slice(0, 1) : batches.filter((batch) => beginsWith(batch, wanted));
}

function beginsWith({ batch_id, name }: ListedBatch, wanted: string): boolean {
  const id = batch_id.toLowerCase();
  const isOfId =
    wanted.length >= 'batch_'.length + SHORTEST_PREFIX &&
    (id.startsWith(wanted) || id.startsWith(`batch_${wanted}`));
  return isOfId || (wanted.length >= SHORTEST_PREFIX && name.toLowerCase().startsWith(wanted));
}

const IDS_NAMED = 5;

function idsOf(batches: readonly ListedBatch[]): string {
  const ids = batches.slice(0, IDS_NAMED).map(({ batch_id }) => batch_id);
  return ids.join(', ') + (batches.length > ids.length ? `, … (${batches.length} in all)` : '');
}

function noSuchBatch(field: string, problem: string): BatchError {
  const valid = `batch_… as submit_batch gave it, ${batchIds.example}, a batch's name, or last; list_batches shows them`;
  return new BatchError('invalid_input', 'It is not clear which batch is meant; nothing was done.', {
    problems: [{ field, problem, valid }],
  });
}

/** The record of a batch. Throws `not_found`, or the failure that kept it from being made. */
export async function requireRecord(
  context: Pick<Context, 'store' | 'jobs'>,
  batchId: string,
): Promise<BatchRecord> {
  const record = await context.store.record(batchId).read();
  if (record !== null) return record;
  if (context.jobs.find(preparingKey(batchId))) {
    throw new BatchError(
      'wrong_state',
      `${batchId} is still being prepared; nothing was sent yet. Call batch_status.`,
    );
  }
  const failure = context.jobs.lastFailure(preparingKey(batchId));
  throw failure ?? unknownBatch(batchId);
}

function unknownBatch(id: string): BatchError {
  return new BatchError(
    'not_found',
    `No batch ${id} is known here. Nothing was changed. list_batches shows the batches there are; one that was ` +
      'still being prepared when its server ended was never sent, and can be submitted again.',
  );
}
