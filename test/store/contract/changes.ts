import type { Budget } from '../../../src/store/shared-records.ts';

/** The day whose budget the tests change: no other register holds a list. */
export const DAY = '2026-11-25';

/** Counts a change, and notes who made it. */
export const add =
  (who: string) =>
  (current: Budget | null): Budget => ({
    spent_usd: (current?.spent_usd ?? 0) + 1,
    open: [...(current?.open ?? []), reservation(who)],
  });

const reservation = (who: string): Budget['open'][number] => ({
  id: who,
  batch_id: who,
  parts: [{ number: 1, usd: 0.5 }],
  holder: { host: 'here', pid: 1, started: 'now', nonce: who },
});

export const whoChanged = (value: Budget | null): string[] => (value?.open ?? []).map(({ id }) => id);
