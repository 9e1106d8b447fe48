import * as z from 'zod';
import { partsToCollect } from '../../answers/download/collect.ts';
import type { Context } from '../../state/context.ts';
import { allExpireAt, latestResults, statusOf } from '../../state/status.ts';
import type { BatchRecord } from '../../store/record.ts';
import type { DamagedBatch, Summary } from '../../store/store.ts';
import { summaryReader } from '../../store/stored-json.ts';
import { learnOfHolders } from './left-behind.ts';
import { isOver, isTellingDue } from './telling.ts';

/** What the search for unfinished batches needs to know of each. */
const unfinished = z.object({
  batch_id: z.string(),
  /** Whether a look can move it on. */
  goes_on: z.boolean(),
  /** When the provider has dropped all its results; null while it has none. */
  until: z.string().nullable(),
  /** When its last results came in, in milliseconds, where it is over and its end is not known to have been told. */
  untold_since: z.number().nullable(),
});

const summary: Summary<z.infer<typeof unfinished>> = {
  name: 'unfinished-2',
  schema: unfinished,
  make: (record) => ({
    batch_id: record.batch_id,
    goes_on: goesOn(record),
    until: allExpireAt(record),
    untold_since: isOver(record) && !isKnownToBeTold(record) ? latestResults(record) : null,
  }),
};

const readUnfinished = summaryReader(summary);

/** Unsent parts wait for a person; the results of sent ones are fetched all the same. */
const goesOn = (record: BatchRecord) =>
  statusOf(record) === 'not_sent' ? partsToCollect(record).length > 0 : !isOver(record);

const isKnownToBeTold = ({ told, parts }: BatchRecord) =>
  told !== undefined && told.outcome !== null && told.parts === parts.length;

type Unfinished = { batchIds: string[]; damaged: DamagedBatch[] };

/** The batches that a look can move on, or whose end this process is to tell; newest first. */
export async function findUnfinished(context: Context): Promise<Unfinished> {
  const { store, notify, now } = context;
  const { found, damaged } = await readUnfinished(store, await store.batchIds());
  const time = now();
  const batchIds: string[] = [];
  for (const { batch_id, goes_on, until, untold_since } of found) {
    const isKept = until === null || Date.parse(until) > time.getTime();
    if (goes_on && isKept) batchIds.push(batch_id);
    else if (notify !== null && untold_since !== null) {
      const record = await store.record(batch_id).read();
      if (record !== null) await learnOfHolders(context, record);
      if (record !== null && isTellingDue(context, record)) batchIds.push(batch_id);
    }
  }
  return { batchIds, damaged };
}
