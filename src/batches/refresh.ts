import { BatchError } from '../errors.ts';
import { isProvenDead } from '../store/process-identity.ts';
import type { BatchRecord, CreatedPart, Part } from '../store/record.ts';
import { collect, partsToCollect } from './collect.ts';
import type { Context } from './context.ts';
import type { Job } from './jobs.ts';
import { writeRequestedOutputs } from './output-file.ts';
import { isCreated, updatePart } from './parts.ts';
import { createdState } from './send.ts';
import { isThisProcess } from './submission.ts';
import { continueSubmission } from './submit.ts';

/** A batch as it is now, and what goes on with it in this process. */
export type Refreshed = {
  record: BatchRecord;
  /** What goes on in this process, with how far it is. */
  job: Job | undefined;
  /** Why the last look at the provider, or the last download, did not succeed; nothing is lost by it. */
  failures: BatchError[];
};

const collectKey = (batchId: string) => `${batchId} results`;

/**
 * Looks after a batch: asks the provider how its parts are, sends what a dead process left unsent, fetches
 * what has ended, writes the files asked for. What takes long goes on as a job. A look that fails leaves
 * the batch as it was last seen.
 */
export async function refresh(context: Context, first: BatchRecord): Promise<Refreshed> {
  const { batch_id } = first;
  await noteDeadSenders(context, first);
  const failures = await askProvider(context, first);
  const record = (await context.store.record(batch_id).read()) ?? first;

  const sending = context.jobs.find(batch_id);
  if (sending) return { record, job: sending, failures };
  if (waitsUnsent(record)) return { record, job: continueSubmission(context, record), failures };

  const lastFailure = context.jobs.lastFailure(collectKey(batch_id));
  const job =
    partsToCollect(record).length > 0 || outputsToWrite(record)
      ? startCollecting(context, record)
      : undefined;
  if (lastFailure instanceof BatchError && job) failures.push(lastFailure);
  return { record, job, failures };
}

function startCollecting(context: Context, { batch_id, provider }: BatchRecord): Job {
  return context.jobs.run(collectKey(batch_id), { stage: 'downloading', provider }, async (report) => {
    await collect(context, batch_id, report);
    await writeRequestedOutputs(context, batch_id);
  });
}

/** Whether all results are in and a file that was asked for at submission is not there yet. */
function outputsToWrite(record: BatchRecord): boolean {
  const waiting = record.outputs.some((output) => output.written_at === null && output.problem === null);
  return (
    waiting && record.parts.every(({ progress }) => progress.state === 'created' && progress.results !== null)
  );
}

/** Parts that nobody alive is about to send. A part that is `sending` or uncertain holds the others back. */
function waitsUnsent(record: BatchRecord): boolean {
  const next = record.parts.find(({ progress }) => progress.state !== 'created');
  if (next?.progress.state !== 'prepared') return false;
  return isThisProcess(record.owner) || isProvenDead(record.owner);
}

/** A create whose sender is dead, or long past its deadline, has an answer that nobody will hear. */
async function noteDeadSenders(context: Context, record: BatchRecord): Promise<void> {
  for (const part of record.parts) {
    if (part.progress.state !== 'sending' || !isAbandoned(part, context.now())) continue;
    const { intent } = part.progress;
    const failure = {
      code: 'api_uncertain',
      message: "The process that sent this part ended before the API's answer came.",
      at: context.now().toISOString(),
    };
    await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) =>
      progress.state === 'sending' && progress.intent.key_salt === intent.key_salt
        ? { state: 'unconfirmed', intent, failure }
        : null,
    );
  }
}

const DEADLINE_GRACE_MS = 60_000;

function isAbandoned({ progress }: Part, now: Date): boolean {
  if (progress.state !== 'sending') return false;
  if (isProvenDead(progress.intent.sender)) return true;
  return now.getTime() > Date.parse(progress.intent.send_deadline) + DEADLINE_GRACE_MS;
}

async function askProvider(context: Context, record: BatchRecord): Promise<BatchError[]> {
  const open = record.parts
    .filter(isCreated)
    .filter(({ progress }) => progress.seen.processing_status !== 'ended');
  const failures: BatchError[] = [];
  for (const part of open) {
    try {
      await refreshPart(context, record, part);
    } catch (error) {
      if (!(error instanceof BatchError) || error.code.startsWith('store')) throw error;
      failures.push(error);
      break;
    }
  }
  return failures;
}

async function refreshPart(context: Context, record: BatchRecord, part: CreatedPart): Promise<void> {
  const provider = context.provider(record.provider);
  const batch = await provider.retrieveBatch(part.progress.provider_batch_id);
  await updatePart(context.store.record(record.batch_id), part.number, ({ progress }) => {
    if (progress.state !== 'created' || progress.seen.processing_status === 'ended') return null;
    return createdState(progress.intent, batch);
  });
}
