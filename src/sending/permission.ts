import { randomBytes } from 'node:crypto';
import { budgetToday } from '../cost/budget.ts';
import { estimateOfParts, formatApart } from '../cost/cost.ts';
import { BatchError } from '../errors.ts';
import type { ProviderName } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import type { BatchRecord } from '../store/record.ts';
import { accountMismatch } from './same-account.ts';

/**
 * The fields of a batch's record that name this process as its sender. The mark of an unchanged key is kept, so that
 * a look that changes nothing else adds no revision.
 */
export async function asOwner(
  context: Pick<Context, 'provider' | 'store'>,
  { provider, key: known }: Pick<BatchRecord, 'provider' | 'key'>,
): Promise<Pick<BatchRecord, 'owner' | 'key'>> {
  const own = context.provider(provider);
  const owner = context.store.presence.self();
  if (known !== undefined && (await own.fingerprint(known.key_salt)) === known.key_hash)
    return { owner, key: known };
  const key_salt = randomBytes(16).toString('hex');
  return { owner, key: { key_salt, key_hash: await own.fingerprint(key_salt) } };
}

/** Why this process's settings forbid spending at a provider; null where they allow it. */
export function whyNothingIsSpent(
  { readOnly, defaultProvider, maxCostUsd, dailyBudgetUsd }: Context,
  provider: ProviderName,
): string | null {
  if (readOnly) return 'this server is read-only';
  if (provider === 'sandbox') return null;
  if (defaultProvider === 'sandbox') return 'this server works with the sandbox alone';
  if (maxCostUsd <= 0 || dailyBudgetUsd <= 0) return 'the limit of this server is zero dollars';
  return null;
}

/**
 * Says why this process does not send what another one prepared and left, and who could; null where it may. A process
 * sends under its own settings, ceilings and credentials, whatever the other one was allowed to spend.
 */
export async function whyHeldBack(context: Context, record: BatchRecord): Promise<string | null> {
  // An uncertain part counts as waiting too, in case it turns out not to have been made.
  const waiting = record.parts.filter(
    ({ progress }) =>
      progress.state === 'waiting' || progress.state === 'prepared' || progress.state === 'unconfirmed',
  );
  if (waiting.length === 0 || record.owner.nonce === context.store.presence.self().nonce) return null;
  const why = await reasonOf(context, record, estimateOfParts(record, waiting).maximum);
  if (why === null) return null;
  if (record.waits !== undefined) {
    return `The batch it waits for has ended, but this server may not send it: ${why}. Another server that may sends it when batch_status is called there; cancel_batch keeps it from being sent.`;
  }
  if (waiting.some(({ after }) => after !== undefined) && record.parts.some(isCreated)) {
    return `The request that went first has ended, but this server may not send the others: ${why}. Another server that may sends them when batch_status is called there; cancel_batch keeps them from being sent.`;
  }
  const what =
    waiting.length === record.parts.length
      ? 'It'
      : `A part of it (${waiting.length} of ${record.parts.length})`;
  return (
    `${what} was not sent before the process that prepared it ended, and this server may not send it: ${why}. Another ` +
    'server that may sends it when batch_status is called there; cancel_batch keeps it from being sent.'
  );
}

/**
 * The same for a look, which does not fail where the provider can't be asked now: the failure is noted, and nothing
 * is sent.
 */
export async function heldBackNow(
  context: Context,
  record: BatchRecord,
  failures: BatchError[],
): Promise<{ isFree: boolean; why: string | null }> {
  try {
    const why = await whyHeldBack(context, record);
    return { isFree: why === null, why };
  } catch (error) {
    if (!(error instanceof BatchError) || !error.code.startsWith('api_')) throw error;
    failures.push(error);
    return { isFree: false, why: null };
  }
}

async function reasonOf(context: Context, record: BatchRecord, maximum: number): Promise<string | null> {
  const why = whyNothingIsSpent(context, record.provider);
  if (why !== null) return why;
  try {
    await context.provider(record.provider).requireCredentials();
  } catch (error) {
    if (error instanceof BatchError && error.code === 'no_credentials') return 'it has no credentials';
    throw error;
  }
  // An uncertain part records what the account listed before it, which another key of the same account sees too.
  const listed = record.parts.flatMap(({ progress }) =>
    progress.state === 'unconfirmed' ? [progress.intent.watermark, progress.intent.newest] : [],
  );
  const known = listed.filter((id) => id != null);
  const mismatch = await accountMismatch(context, record, record.key ?? null, known);
  if (mismatch !== null) return `the work was prepared with ${mismatch}`;
  return record.provider === 'sandbox' ? null : await ceilingAbove(context, maximum, record.user);
}

/** The limit of this process that work with this maximum would exceed, in words; null where there is none. */
async function ceilingAbove(
  context: Context,
  maximum: number,
  user: string | undefined,
): Promise<string | null> {
  const above = (ceiling: number, words: (usd: string) => string) => {
    const [most, limit] = formatApart(maximum, ceiling);
    return `it could cost up to ${most}, ${words(limit)}`;
  };
  const { maxCostUsd, askAboveUsd } = context;
  if (maximum > maxCostUsd) return above(maxCostUsd, (usd) => `above its limit of ${usd} for one submission`);
  if (askAboveUsd !== null && maximum > askAboveUsd)
    return above(
      askAboveUsd,
      (usd) =>
        `and above ${usd} a person has to approve it, who is asked where the same work is submitted again`,
    );
  const { left } = await budgetToday(context, user);
  return maximum > left ? above(left, (usd) => `and ${usd} is left of its daily budget`) : null;
}
