import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasErrorCode } from '../../errors.ts';

/** What Windows says while another program has a file of it open: a virus scanner looks at whatever is new. */
const HELD = ['EPERM', 'EACCES', 'EBUSY'];
const LONGEST_MS = 2_000;
const FIRST_PAUSE_MS = 10;

type MoveOptions = {
  platform?: NodeJS.Platform;
  rename?: (from: string, to: string) => Promise<void>;
  longestMs?: number;
};

/**
 * Renames a file or a folder, in place of a file that may be there. On Windows what another program holds open is tried again
 * for 2 seconds, as a rename there fails at once; elsewhere it never fails for that. Throws Node's own system errors.
 */
export async function move(
  from: string,
  to: string,
  { platform = process.platform, rename: attempt = rename, longestMs = LONGEST_MS }: MoveOptions = {},
): Promise<void> {
  const end = performance.now() + longestMs;
  for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
    try {
      return await attempt(from, to);
    } catch (error) {
      const isHeld = platform === 'win32' && hasErrorCode(error, ...HELD);
      if (!isHeld || performance.now() + pause > end) throw error;
      await sleep(pause);
    }
  }
}
