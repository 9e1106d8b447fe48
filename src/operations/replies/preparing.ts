import type { Context } from '../../state/context.ts';
import { type Job, jobEndsWithin, type Waiting } from '../../state/jobs.ts';
import { preparingKey } from '../looking/sending-jobs.ts';
import type { BatchReport } from './report.ts';
import { SANDBOX_WARNING } from './warnings.ts';

/** A batch that this process is still preparing: it has no record yet. */
export type Preparing = Pick<
  BatchReport,
  'batch_id' | 'provider' | 'processing_status' | 'check_again_in_seconds' | 'warnings' | 'progress'
>;

const LOOK_AGAIN_SECONDS = 10;

type Uses = Pick<Context, 'jobs' | 'store'>;

/** A batch that is being prepared in this process; null for any other. */
export async function findPreparing({ jobs, store }: Uses, batchId: string): Promise<Preparing | null> {
  const job = jobs.find(preparingKey(batchId));
  if (job === undefined || (await store.record(batchId).read()) !== null) return null;
  return preparing(batchId, job);
}

/** As `findPreparing`, after waiting up to `ms` milliseconds for the preparation. Throws its failure. */
export async function findStillPreparing(
  context: Uses,
  batchId: string,
  ms: number,
  waiting: Waiting,
): Promise<Preparing | null> {
  const job = context.jobs.find(preparingKey(batchId));
  if (job === undefined || (await findPreparing(context, batchId)) === null) return null;
  return (await jobEndsWithin(job, ms, waiting)) ? null : findPreparing(context, batchId);
}

function preparing(batch_id: string, { provider, progress }: Job): Preparing {
  return {
    batch_id,
    provider,
    processing_status: 'submitting',
    progress,
    check_again_in_seconds: LOOK_AGAIN_SECONDS,
    warnings: provider === 'sandbox' ? [SANDBOX_WARNING] : [],
  };
}
