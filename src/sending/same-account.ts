import { BatchError, type ErrorCode } from '../errors.ts';
import { hostsOnly } from '../lib/hosts-only.ts';
import type { Provider } from '../provider/provider.ts';
import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import type { BatchRecord, KeyMark } from '../store/record.ts';

/**
 * Throws `wrong_state` if the present provider settings are not those of the account that a part was sent on: another
 * host, workspace or key can't see its batches, and would take them for lost. `known` are further batches of
 * that account.
 */
export async function requireSameAccount(
  context: Context,
  record: BatchRecord,
  sent: SentWith | null,
  known: readonly string[] = [],
): Promise<void> {
  const mismatch = await accountMismatch(context, record, sent, known);
  if (mismatch === null) return;
  throw new BatchError(
    'wrong_state',
    `This batch was sent with ${mismatch}, so nothing can be said about it here. It is not lost: ask the person to ` +
      'switch back to that one, then look again.',
  );
}

/** What identifies the account of a send: the mark of its key, and what the account listed then. */
type SentWith = KeyMark & { watermark?: string | null; newest?: string | null };

/**
 * Says what differs from the account of a send; null where nothing does. Another key of the same account is no
 * mismatch: it is recognized by what it lists. Throws the provider's errors where that can't be asked now.
 */
export async function accountMismatch(
  context: Pick<Context, 'provider'>,
  record: BatchRecord,
  sent: SentWith | null,
  known: readonly string[] = [],
): Promise<string | null> {
  const provider = context.provider(record.provider);
  const { base_url, workspace } = await provider.account();
  if (base_url !== record.base_url) return `another base URL (${apart(record.base_url, base_url)})`;
  if (workspace !== record.workspace)
    return `another workspace (${record.workspace ?? 'none set'}, now ${workspace ?? 'none set'})`;
  if (sent === null || (await provider.fingerprint(sent.key_salt)) === sent.key_hash) return null;
  const created = record.parts.filter(isCreated).filter(({ reused_from }) => reused_from === undefined);
  const ids = [
    sent.watermark,
    sent.newest,
    ...created.map(({ progress }) => progress.provider_batch_id),
    ...known,
  ];
  return (await listsAny(provider, ids)) ? null : 'another API key';
}

/** Two addresses for a message, by their hosts. */
function apart(before: string, now: string): string {
  const [one, other] = [hostsOnly(before), hostsOnly(now)];
  return one === other ? `another path of ${one}` : `${one}, now ${other}`;
}

/** A provider's batch can only be seen from its own workspace. */
async function listsAny(provider: Provider, ids: readonly (string | null | undefined)[]): Promise<boolean> {
  for (const id of new Set(ids)) {
    if (id == null) continue;
    try {
      await provider.retrieveBatch(id);
      return true;
    } catch (error) {
      if (!(error instanceof BatchError) || !UNSEEN.has(error.code)) throw error;
    }
  }
  return false;
}

const UNSEEN: ReadonlySet<ErrorCode> = new Set(['api_not_found', 'api_refused']);
