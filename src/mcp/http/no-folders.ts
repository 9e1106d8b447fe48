import { BatchError } from '../../errors.ts';
import type { AllowedFolders } from '../../lib/allowed-folders.ts';

/** Over HTTP there is no folder of the caller's: what they name as a file is on another machine. */
export function createNoFolders(): AllowedFolders {
  const refused = async (): Promise<never> => {
    throw new BatchError(
      'not_allowed',
      'This server is reached over HTTP and sees none of your files; nothing was done. Give the work inline (requests).',
    );
  };
  return {
    find: refused,
    openForReading: refused,
    openAll: refused,
    checkForWriting: refused,
    checkFolder: refused,
    makeFolderOf: refused,
  };
}
