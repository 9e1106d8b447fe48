import type { BatchError } from '../../errors.ts';
import type { Job } from '../../state/jobs.ts';
import type { BatchRecord } from '../../store/record.ts';

/** A batch as it is now, and what goes on with it in this process. */
export type Refreshed = {
  record: BatchRecord;
  /** What goes on in this process, with how far it is. */
  job: Job | undefined;
  /** Why the last look at the provider, or the last work on the batch, did not succeed; nothing is lost by it. */
  failures: BatchError[];
  /** Why this process does not send what waits to be sent, and who could. */
  heldBack?: string;
};
