import path from 'node:path';
import { linkedPath } from '../../../answers/files/output-format.ts';
import { BatchError } from '../../../errors.ts';
import { type AllowedFolders, createAllowedFolders } from '../../../lib/files/allowed-folders.ts';

/**
 * What a user over HTTP may name: files to read in their own upload folder. Nothing is written there: an output file gets
 * an address instead, and is made when that is fetched.
 */
export function createUploadFolders(folder: string): AllowedFolders {
  const own = createAllowedFolders({ allowed: [folder], base: folder });
  const refused = async (): Promise<never> => {
    throw new BatchError(
      'not_allowed',
      'Files are written only for users on this machine. Nothing was done.',
    );
  };
  /** A user need not know where the folder is, or that it doesn't exist yet. */
  function asMissing<T>(name: string, error: T): T | BatchError {
    if (!(error instanceof BatchError) || !/^not_(?:found|allowed)$/.test(error.code)) return error;
    const message = `There is no ${JSON.stringify(`upload:${path.basename(name)}`)} of yours. Send it first: PUT /files/<name>. Uploads are kept for a day.`;
    return new BatchError('not_found', message, { cause: error });
  }
  async function orMissing<T>(name: string, look: Promise<T>): Promise<T> {
    try {
      return await look;
    } catch (error) {
      throw asMissing(name, error);
    }
  }
  return {
    find: (name) => orMissing(name, own.find(name)),
    openForReading: (name) => orMissing(name, own.openForReading(name)),
    openAll: async (names) =>
      (await own.openAll(names)).map((each, index) => asMissing(names[index] ?? '', each)),
    roots: () => own.roots(),
    checkForWriting: async (name) => ({ path: linkedPath(name), exists: false }),
    checkFolder: refused,
    makeFolderOf: refused,
  };
}
