import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, KeyMark } from '../store/record.ts';

/**
 * Throws `wrong_state` where the provider that is set up now is not the account that a part was sent on:
 * another host, workspace or key can't see its batches, and would take them for lost.
 */
export async function requireSameAccount(
  context: Context,
  record: BatchRecord,
  key: KeyMark | null,
): Promise<void> {
  const mismatch = await accountMismatch(context, record, key);
  if (mismatch === null) return;
  throw new BatchError(
    'wrong_state',
    `This batch was sent with ${mismatch}, so nothing can be said of it here. It is not lost: ask the person to set ` +
      'that one again and look then.',
  );
}

/** What differs, in words; null where nothing does. */
export async function accountMismatch(
  context: Context,
  record: BatchRecord,
  key: KeyMark | null,
): Promise<string | null> {
  const provider = context.provider(record.provider);
  const { base_url, workspace } = await provider.account();
  if (base_url !== record.base_url) return `another base URL (${record.base_url}, now ${base_url})`;
  if (workspace !== record.workspace)
    return `another workspace (${record.workspace ?? 'none set'}, now ${workspace ?? 'none set'})`;
  if (key !== null && (await provider.fingerprint(key.key_salt)) !== key.key_hash) return 'another API key';
  return null;
}
