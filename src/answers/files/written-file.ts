import type { Context } from '../../state/context.ts';
import type { WrittenFile } from '../../store/shared-records.ts';

/** A process that dies between its note and the file leaves what stood there before, and the next one can die there too. */
const KEPT_BEFORE = 8;

/** Whether a file of that SHA-256 is what we wrote there, now or before the last time. */
export function isOurs(known: WrittenFile | null, sha256: string): known is WrittenFile {
  return known !== null && [known.sha256, ...(known.before ?? [])].includes(sha256);
}

/** Whether a file of that SHA-256, which stands at the path by now, is one of ours that nobody has changed. */
export async function isOursAt({ store }: Context, path: string, sha256: string): Promise<boolean> {
  return isOurs(await store.writtenFile(path).read(), sha256);
}

/** Notes what a file of ours will hold before it is seen, so that the next process knows it for ours should this one die. */
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
