import { outcomesOf } from '../../answers/figures/outcomes.ts';
import { hasOutputsToWrite } from '../../answers/files/output-file.ts';
import { costOf, formatUsd } from '../../cost/cost.ts';
import { DELIVERY_MS, type Message } from '../../lib/http/deliver.ts';
import { count, counted } from '../../lib/numbers.ts';
import type { Context } from '../../state/context.ts';
import { isSaved, latestResults, latestTime, missingCertainAt, statusOf } from '../../state/status.ts';
import { insist } from '../../store/presence.ts';
import type { BatchRecord } from '../../store/record.ts';
import { changeWhere } from '../../store/store.ts';
import { SANDBOX_WARNING } from '../replies/warnings.ts';
import { wantsRetry } from '../retry/retry-by-itself.ts';

/** Older ends are no news: turning notifications on must not bring one for every batch there ever was. */
const NEWS_MS = 24 * 60 * 60 * 1000;
/** A process that has not recorded an outcome by then is gone, even where that can't be proven. */
const GONE_MS = DELIVERY_MS + 50_000;

/** Whether a batch is finished: all results are here, retries are done, requested files are written. */
export function isOver(record: BatchRecord): boolean {
  const isKnown = isSaved(record) && missingCertainAt(record) === null;
  return statusOf(record) === 'ended' && isKnown && !wantsRetry(record) && !hasOutputsToWrite(record);
}

/** Whether an end is still to be told: `claimed` where a process is about to, or died before it could. */
export function tellingOf(record: BatchRecord, now: Date): 'due' | 'claimed' | null {
  if (!isOver(record) || now.getTime() - latestResults(record) > NEWS_MS) return null;
  const { told, parts } = record;
  if (told === undefined || told.parts !== parts.length) return 'due';
  return told.outcome === null ? 'claimed' : null;
}

/** Whether this process should tell the owner of a batch's end, by what it knows of the process that claimed to. */
export function isTellingDue({ store, notify, now }: Context, record: BatchRecord): boolean {
  const telling = notify === null ? null : tellingOf(record, now());
  if (telling !== 'claimed' || record.told === undefined) return telling === 'due';
  const { by, at } = record.told;
  // Machines need not agree on the time.
  const isPast = !store.presence.findsAll && now().getTime() - Date.parse(at) > GONE_MS;
  return isPast || store.presence.isGone(by);
}

const tellingKey = (batchId: string) => `${batchId} telling`;

/**
 * Tells the owner that a batch has ended: once among all processes, and again where one died half way. A failure does
 * not reach those who look at the batch; it is in the audit log.
 */
export function startTelling(context: Context, { batch_id, provider }: BatchRecord): void {
  context.jobs.run(tellingKey(batch_id), { stage: 'waiting', provider }, () => tell(context, batch_id));
}

/** Waits until a batch's end is told, where this process is doing so. */
export async function untilTold({ jobs }: Context, batchId: string): Promise<void> {
  await jobs.find(tellingKey(batchId))?.promise;
}

async function tell(context: Context, batchId: string): Promise<void> {
  try {
    const record = await claim(context, batchId);
    if (record === null) return;
    const problem = await deliver(context, record);
    const outcome = problem === null ? 'done' : 'failed';
    const entry = {
      at: context.now().toISOString(),
      tool: 'notify',
      ...(record.user !== undefined && { user: record.user }),
      outcome,
      ...(problem !== null && { problem }),
      batch_id: batchId,
    } as const;
    // The message is out: where that can't be recorded now, keep trying, or another process would send it again.
    await insist(context.store.presence, () => note(context, record, outcome));
    await insist(context.store.presence, () => context.store.audit(entry));
    if (problem !== null)
      context.log('warn', `${batchId}: the notification that it ended failed (${problem})`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.log('error', `${batchId}: the notification that it ended failed (${reason})`);
  }
}

/** The batch, where this process and no other is now to tell of its end; else null. */
async function claim(context: Context, batchId: string): Promise<BatchRecord | null> {
  const { value, changed } = await changeWhere(context.store.record(batchId), (current) => {
    if (!isTellingDue(context, current)) return null;
    const at = context.now().toISOString();
    const by = context.store.presence.self();
    return { ...current, told: { parts: current.parts.length, by, at, outcome: null } };
  });
  return changed ? value : null;
}

async function note({ store }: Context, claimed: BatchRecord, outcome: 'done' | 'failed'): Promise<void> {
  await store
    .record(claimed.batch_id)
    .update((current) =>
      current?.told?.by.nonce === claimed.told?.by.nonce && current?.told?.outcome === null
        ? { ...current, told: { ...current.told, outcome } }
        : current,
    );
}

async function deliver(context: Context, record: BatchRecord): Promise<string | null> {
  try {
    return (await context.notify?.(await messageOf(context, record))) ?? null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function messageOf(context: Context, record: BatchRecord): Promise<Message> {
  const { batch_id, name, provider, request_count, answer_files } = record;
  const outcomes = await outcomesOf(context, record);
  // Nothing was paid for the sandbox's answers.
  const cost_usd = provider === 'sandbox' ? null : (costOf(record)?.actual ?? null);
  const output_files = record.outputs.filter(({ written_at }) => written_at !== null).map(({ path }) => path);
  const json = {
    event: 'batch_ended',
    text: textOf(record, { succeeded: outcomes.succeeded, cost_usd, output_files }),
    batch_id,
    name,
    provider,
    request_count,
    outcomes,
    cost_usd,
    output_files,
    ...(answer_files && { answer_files: { pattern: answer_files.pattern, written: answer_files.written } }),
    ended_at: latestTime(record, 'ended_at'),
  };
  return {
    json,
    env: {
      BATCH_TEXT: json.text,
      BATCH_ID: batch_id,
      BATCH_NAME: name.replaceAll('\0', ''),
      BATCH_PROVIDER: provider,
      BATCH_TASKS: String(request_count),
      BATCH_SUCCEEDED: String(outcomes.succeeded),
      BATCH_COST_USD: cost_usd === null ? '' : String(cost_usd),
      BATCH_FILES: output_files.join('\n'),
    },
  };
}

type Figures = { succeeded: number; cost_usd: number | null; output_files: readonly string[] };

function textOf(record: BatchRecord, { succeeded, cost_usd, output_files }: Figures): string {
  const { name, request_count, provider, outputs, answer_files } = record;
  const failed = request_count - succeeded;
  const unwritten =
    outputs.some(({ problem }) => problem !== null) || (answer_files?.problem ?? null) !== null;
  return [
    `Batch "${name.replaceAll('\0', '')}" has ended: ${count(succeeded)} of ${counted(request_count, 'task')} succeeded${failed === 0 ? '' : `, ${count(failed)} did not`}.`,
    ...(provider === 'sandbox'
      ? [SANDBOX_WARNING]
      : cost_usd === null
        ? []
        : [`It cost ${formatUsd(cost_usd)}.`]),
    ...(output_files.length > 0 ? [`Written: ${output_files.join(', ')}.`] : []),
    ...(answer_files && answer_files.written > 0
      ? [
          `${counted(answer_files.written, 'file')} by the pattern ${answer_files.pattern} ${answer_files.written === 1 ? 'was' : 'were'} written.`,
        ]
      : []),
    ...(unwritten ? ['Some of the requested files could not be written: its status says why.'] : []),
  ].join(' ');
}
