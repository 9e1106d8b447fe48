import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { requireRecord } from '../find-batch.ts';
import type { Retried } from '../retry.ts';
import { short } from './describe.ts';
import { reportOf } from './report.ts';

/** What a retry came to, or would come to: the batch, and under `retry` what of it is sent. */
export async function describeRetry(
  context: Context,
  { batch_id, plan, warnings }: Retried,
  dryRun: boolean,
) {
  const record = await requireRecord(context, batch_id);
  const lastFailure = context.jobs.lastFailure(batch_id);
  const failures = lastFailure instanceof BatchError && !dryRun ? [lastFailure] : [];
  const job = context.jobs.find(batch_id);
  const report = short(await reportOf(context, { record, job, failures }));
  return {
    ...report,
    ...(plan && { retry: plan }),
    warnings: [...warnings, ...report.warnings],
    ...(dryRun && { dry_run: true, check_again_in_seconds: 0, next_step: AFTER_DRY_RUN }),
  };
}

const AFTER_DRY_RUN =
  'Nothing was sent; retry says what would be. Call retry_batch with the same arguments and without dry_run to send it, ' +
  'if the cost is right for the user.';
