import { fateUsd } from '../state/parts.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Reservation } from '../store/shared-records.ts';
import type { Store } from '../store/store.ts';
import { recordOrNull } from '../store/stored-json.ts';
import { actualOfPart } from './cost.ts';
import { roundUsd } from './pricing.ts';

const READ_AT_ONCE = 32;

/** The open reservations that are over, by id, with the dollars that each came to. */
export async function endedReservations(
  store: Pick<Store, 'presence' | 'record'>,
  open: readonly Reservation[],
): Promise<Map<string, number>> {
  const ended = new Map<string, number>();
  const { presence } = store;
  // Judged before reading the records: a holder that was still alive then could have sent meanwhile.
  await presence.learn(open.map(({ holder }) => holder));
  for (let from = 0; from < open.length; from += READ_AT_ONCE) {
    await Promise.all(
      open.slice(from, from + READ_AT_ONCE).map(async (reservation) => {
        const abandoned = presence.isGone(reservation.holder);
        // Null where it can't be read: it may have been paid for, and its reservation stands.
        const record = await recordOrNull(store, reservation.batch_id);
        const usd = record && outcomeOf(reservation, record, abandoned);
        if (usd !== null) ended.set(reservation.id, usd);
      }),
    );
  }
  return ended;
}

/**
 * What a reservation's parts cost in the end; null while one of them runs, is uncertain or may yet be sent.
 * What was never sent cost nothing: it is reserved anew before it is sent after all.
 */
function outcomeOf(reservation: Reservation, record: BatchRecord, abandoned: boolean): number | null {
  let spent = 0;
  for (const { number, usd, send = 0 } of reservation.parts) {
    const part = record.parts.find((each) => each.number === number);
    // Only parts that were never sent are taken out of a record.
    if (part === undefined) continue;
    const { progress, unknown_sends = 0, fates = [], request_count } = part;
    // It has been sent again since.
    if (unknown_sends > send) {
      const known = fateUsd(fates[send]);
      if (known === null) return null;
      spent += known;
      continue;
    }
    if (progress.state === 'not_sent' || (progress.state === 'prepared' && abandoned)) continue;
    if (progress.state !== 'created' || progress.results === null) return null;
    const { missing } = progress.results.outcomes;
    // Without a price only the ceiling is known, and likewise for tasks without an answer.
    const actual = actualOfPart(progress.results);
    spent += actual === null ? usd : actual + (usd * missing) / request_count;
  }
  return roundUsd(spent);
}
