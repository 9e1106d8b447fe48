import type { BatchRecord } from '../store/record.ts';

/** Whether a process is at it that nobody on another store could know: its requests are being made, or sent. */
export function isBeingSent({ never_sent, parts }: BatchRecord): boolean {
  if (never_sent !== undefined) return false;
  const waitsForPerson = parts.some(({ progress }) => progress.state === 'not_sent');
  return parts.some(({ progress }) => {
    if (progress.state === 'prepared') return !waitsForPerson;
    return progress.state === 'sending' || (progress.state === 'waiting' && progress.by !== null);
  });
}
