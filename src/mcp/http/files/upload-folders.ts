import path from 'node:path';
import { linkedPath } from '../../../answers/files/output-format.ts';
import { BatchError } from '../../../errors.ts';
import { type AllowedFolders, createAllowedFolders } from '../../../lib/files/allowed-folders.ts';

/**
 * What a user over HTTP may name: files in their folder of uploads, to be read. Nothing is written there: what is asked for as
 * a file has an address, under which it is made when it is fetched.
 */
export function createUploadFolders(folder: string): AllowedFolders {
  const own = createAllowedFolders({ allowed: [folder], base: folder });
  const refused = async (): Promise<never> => {
    throw new BatchError(
      'not_allowed',
      'Files are written only for users on this machine. Nothing was done.',
    );
  };
  /** Where the folder is, or that it is not there yet, is nothing to its user. */
  function asMissing<T>(name: string, error: T): T | BatchError {
    if (!(error instanceof BatchError) || !/^not_(?:found|allowed)$/.test(error.code)) return error;
    const message = `There is no ${JSON.stringify(`upload:${path.basename(name)}`)} of yours. Send it first: PUT /files/<name>; a day later it is gone.`;
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
