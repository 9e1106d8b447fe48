import type { Context } from '../../state/context.ts';
import type { WrittenFile } from '../../store/shared-records.ts';

/** How many earlier hashes are kept: a process that dies between its note and the file leaves the old file, and so can the next one. */
const KEPT_BEFORE = 8;

/** Whether a file with this SHA-256 is one that we wrote there, the last time or earlier. */
export function isOurs(known: WrittenFile | null, sha256: string): known is WrittenFile {
  return known !== null && [known.sha256, ...(known.before ?? [])].includes(sha256);
}

/** Whether the file now at the path, with this SHA-256, is one of ours that nobody has changed. */
export async function isOursAt({ store }: Context, path: string, sha256: string): Promise<boolean> {
  return isOurs(await store.writtenFile(path).read(), sha256);
}

/** Notes a file's hash before the file appears, so that the next process recognizes it as ours should this one die. */
export async function noteWritten(
  context: Pick<Context, 'now' | 'store'>,
  written: Pick<WrittenFile, 'path' | 'batch_id' | 'sha256'>,
): Promise<void> {
  const at = context.now().toISOString();
  await context.store.writtenFile(written.path).update((known) => {
    const earlier = known === null ? [] : [known.sha256, ...(known.before ?? [])];
    const before = [...new Set(earlier)].filter((sha256) => sha256 !== written.sha256).slice(0, KEPT_BEFORE);
    return { ...written, at, ...(before.length > 0 && { before }) };
  });
}
