import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../state/context.ts';
import type { Report } from '../state/jobs.ts';
import { insist } from '../store/presence.ts';
import { type SendOptions, sendParts } from './send.ts';
import { isUnconfirmed, settlePart } from './settle.ts';

export type DriveOptions = SendOptions & {
  /** Whether this process may send waiting parts; it settles uncertain ones in any case. */
  maySend?: boolean;
};

/**
 * Sends waiting parts and settles uncertain ones, in turn, until all parts are with the provider or nothing can be
 * done now. While anything is uncertain nothing is sent. Continues when a store that was away is back.
 */
export function drive(
  context: Context,
  batchId: string,
  report: Report,
  options: DriveOptions = { isReserved: false },
): Promise<void> {
  let next = options;
  return insist(context.store.presence, () => {
    const now = next;
    next = { ...options, isReserved: false };
    return driveOnce(context, batchId, report, now);
  });
}

async function driveOnce(
  context: Context,
  batchId: string,
  report: Report,
  { isReserved, maySend = true, left }: DriveOptions,
): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    if (maySend) {
      const options = { isReserved: isReserved && isFirst, left: isFirst ? left : undefined };
      await sendParts(context, batchId, report, options);
    }
    const record = await context.store.record(batchId).read();
    let goesOn = false;
    for (const part of record?.parts.filter(isUnconfirmed) ?? []) {
      if (record === null) return;
      report({ stage: 'sending', done: part.first_task, total: record.request_count });
      goesOn = (await settlePart(context, record, part)) || goesOn;
    }
    if (!goesOn) return;
    // Two listings at the same moment would be no better than one.
    await sleep(context.settleMs / 20);
  }
}
