import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { BatchError } from '../../errors.ts';

/**
 * A folder held open while a file is put into it, so that a link put in its place meanwhile can't lead the file elsewhere.
 * Only Linux has a way to name an open folder; on other systems its path is used.
 */
export type HeldFolder = {
  /** A path of the folder, for making and removing names in it. */
  readonly at: string;
  /** Throws `not_allowed` if it is no longer at its path. */
  requireInPlace(): Promise<void>;
  close(): Promise<void>;
};

/** Holds the folder at a path whose links were resolved. Throws `not_allowed` if a link has been put there since. */
export async function holdFolder(path: string): Promise<HeldFolder> {
  if (process.platform !== 'linux') {
    return { at: path, requireInPlace: () => Promise.resolve(), close: () => Promise.resolve() };
  }
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  const at = `/proc/self/fd/${handle.fd}`;
  const isNamed = (await placeOf(handle)) !== null;
  const held: HeldFolder = {
    at: isNamed ? at : path,
    async requireInPlace() {
      if (!isNamed || (await placeOf(handle)) === path) return;
      throw new BatchError(
        'not_allowed',
        `${JSON.stringify(path)} was moved, or a link put in its place, while a file was written there; nothing was left. Look at ` +
          'it, then call again.',
      );
    },
    close: () => handle.close(),
  };
  try {
    await held.requireInPlace();
    return held;
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** Where an open folder really is; null without /proc. */
async function placeOf({ fd }: FileHandle): Promise<string | null> {
  return readlink(`/proc/self/fd/${fd}`).catch(() => null);
}
