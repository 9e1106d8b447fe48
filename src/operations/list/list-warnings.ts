import type { Grouping } from '../../cost/group-costs.ts';
import { quoteName } from '../../lib/nearest.ts';
import { counted } from '../../lib/numbers.ts';
import { readMoment } from '../../lib/time.ts';
import type { Context } from '../../state/context.ts';
import { isOwner } from '../../state/subject.ts';
import type { DamagedBatch } from '../../store/store.ts';
import type { Listing } from './listing.ts';

export const GROUPS_SHOWN = 40;
const DAMAGED_NAMED = 5;
/** Below this the size of the data folder concerns nobody. */
const MUCH_DISK_BYTES = 1_000_000_000;

export const SANDBOX_LISTED =
  'Batches with provider sandbox hold made-up answers; nothing was paid for them, and dollars and groups leave them out.';

export function diskWarnings(
  context: Pick<Context, 'store' | 'subject'>,
  found: readonly Listing[],
): string[] {
  // Only the owner is told where the data is.
  if (!isOwner(context)) return [];
  const bytes = found.reduce((sum, { disk_bytes }) => sum + disk_bytes, 0);
  if (bytes < MUCH_DISK_BYTES) return [];
  return [`The batches take ${(bytes / 1e9).toFixed(1)} GB of disk, in ${context.store.place}.`];
}

/** What the dollar totals leave out. */
export function unknownWarnings(
  by: readonly Grouping[] | undefined,
  groups: number,
  unknown: number,
): string[] {
  return [
    ...(unknown > 0
      ? [
          `The cost of ${counted(unknown, 'batch', 'batches')} is not known, or not in full: it is not in the dollars.`,
        ]
      : []),
    ...(groups > GROUPS_SHOWN ? [`Only the ${GROUPS_SHOWN} costliest of ${groups} groups are listed.`] : []),
    ...(by === undefined
      ? []
      : [
          'Batches made elsewhere and never looked at here are not in it; the Anthropic Console knows them all.',
        ]),
  ];
}

/** Says which time a relative moment such as `7d` or a month stands for. */
export function resolvedMoment(name: string, given: string | undefined, time: number | undefined): string[] {
  if (given === undefined || time === undefined || readMoment(given) !== undefined) return [];
  return [`${name} ${quoteName(given)} is ${new Date(time).toISOString()}.`];
}

export function damagedWarnings(damaged: readonly DamagedBatch[]): string[] {
  if (damaged.length === 0) return [];
  const more = damaged.length - DAMAGED_NAMED;
  return [
    ...damaged
      .slice(0, DAMAGED_NAMED)
      .map(
        ({ batch_id, problem, is_broken }) =>
          `${batch_id} ${is_broken ? 'is damaged' : "can't be read"}, and no other batch is affected: ${problem}`,
      ),
    ...(more > 0 ? [`${more} more batches can't be read; the log names each.`] : []),
  ];
}
