import { BatchError } from '../errors.ts';
import { quoteName } from '../lib/nearest.ts';
import { batchIds, isProviderBatchId } from '../provider/dialects.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord } from '../store/record.ts';
import { type ListedBatch, readListing } from './listing.ts';
import { adoptBatch } from './remote-batches.ts';
import { preparingKey } from './sending-jobs.ts';

const ownId = /^batch_[0-9A-HJKMNP-TV-Z]{26}$/;

/** A batch that a caller means, by its id here; `note` says which it is where that was not given as its id. */
export type FoundBatch = { batch_id: string; note: string | null };

/**
 * Finds a batch by its id here, the provider's (which adopts one that another program made), its name, the unique
 * beginning of its id or name, or as the `last` one. Throws `invalid_input` where that names none, or several.
 */
export async function findBatch(context: Context, given: string, field = 'batch_id'): Promise<FoundBatch> {
  if (ownId.test(given)) return { batch_id: context.jobs.forwarded(given), note: null };
  if (!isProviderBatchId(given)) return findByName(context, given, field);
  const claim = await context.store.claim(given).read();
  return { batch_id: claim?.owner?.batch_id ?? (await adoptBatch(context, given)), note: null };
}

/** Shorter ones say too little: `batch_` is the beginning of all. */
const SHORTEST_PREFIX = 3;
const LAST = ['last', 'latest', 'newest', 'most recent', 'recent', 'current', 'last one', 'the last one'];

async function findByName(
  context: Pick<Context, 'store'>,
  given: string,
  field: string,
): Promise<FoundBatch> {
  const wanted = given.trim().toLowerCase();
  const { found } = await readListing(context.store);
  const batches = found.map(({ listed }) => listed);
  const named = batches.filter(({ name }) => name.toLowerCase() === wanted);
  const matching = named.length > 0 ? named : batches.filter((batch) => beginsWith(batch, wanted));
  const [first, second] = LAST.includes(wanted) && named.length === 0 ? batches.slice(0, 1) : matching;
  if (first === undefined) throw noSuchBatch(field, 'is not the id or the name of a batch');
  if (second !== undefined) throw noSuchBatch(field, `may be any of ${idsOf(matching)}`);
  const note = `${field} ${quoteName(given)} is ${first.batch_id}, created ${first.created_at}.`;
  return { batch_id: first.batch_id, note };
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

/** The record of a batch. Throws `not_found`, or what kept it from ever being made. */
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
