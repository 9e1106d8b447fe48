import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { hasErrorCode } from '../../errors.ts';
import { beginFolder, type CreateOptions, createFileDurably } from '../../lib/files/durable-write.ts';
import { encodeEnvelope } from '../envelope.ts';
import { createRevisedRegister, type Revisions } from '../revised-register.ts';
import type { Register, Revision } from '../store.ts';
import { damaged, unlessUnreadable } from '../stored-json.ts';
import { readEnvelope } from './own-file.ts';
import { inStore, linkInStore } from './store-failure.ts';

export type RevisionsOptions<T> = CreateOptions & {
  /** The folder of the revisions; created with the first of them. */
  folder: string;
  /** Checks every value that is read. */
  schema: z.ZodType<T>;
  /** The register's name in the sums of its revisions, the same in every store; left out if they have none. */
  summedAs?: string | undefined;
};

const FILE_NAME = /^(\d{8})\.json$/;

export const revisionPath = (folder: string, number: number): string =>
  join(folder, `${String(number).padStart(8, '0')}.json`);

/** The numbers of the revisions in a folder, ascending. Other files there are ignored. */
export async function revisionNumbers(folder: string): Promise<number[]> {
  const names = await inStore('read', folder, async () => {
    try {
      // Synchronous: through the thread pool it would take ten times as long.
      return readdirSync(folder);
    } catch (error) {
      if (hasErrorCode(error, 'ENOENT')) return [];
      if (hasErrorCode(error, 'ENOTDIR')) {
        throw damaged(folder, 'it is not a folder', error);
      }
      throw error;
    }
  });
  const found = names.map((name) => Number(FILE_NAME.exec(name)?.[1] ?? 0));
  return found.filter((number) => number > 0).sort((a, b) => a - b);
}

/** A folder of numbered files. */
function openRevisions<T>({ folder, schema, summedAs, ...create }: RevisionsOptions<T>): Revisions<T> {
  const pathOf = (number: number) => revisionPath(folder, number);
  const standingOf = (number: number) =>
    summedAs === undefined ? undefined : { register: summedAs, number };

  /** Null if the whole register was removed since its folder was listed. */
  async function read(number: number): Promise<Revision<T> | null> {
    const found = await readEnvelope(pathOf(number), schema, standingOf(number));
    return found && { number, ...found };
  }

  return {
    async newest() {
      const number = (await revisionNumbers(folder)).at(-1);
      return number === undefined ? null : read(number);
    },

    async all() {
      const revisions: Revision<T>[] = [];
      for (const number of await revisionNumbers(folder)) {
        const revision = await unlessUnreadable(() => read(number));
        if (revision) revisions.push(revision);
      }
      return revisions;
    },

    async create({ number, ...content }) {
      const path = pathOf(number);
      const text = encodeEnvelope(path, content, schema, standingOf(number));
      const created = await linkInStore(path, async () => {
        // Only for the first: for a later one it would bring half of a removed register back.
        const made = number === 1 ? await beginFolder(folder) : null;
        try {
          const isCreated = await createFileDurably(path, text, create);
          await made?.synced;
          return isCreated;
        } catch (error) {
          // The register was removed, or our temporary file swept, while this process was suspended: look again.
          if (hasErrorCode(error, 'ENOENT')) return false;
          throw error;
        }
      });
      // Some network file systems answer EEXIST to a link that they did make: then the file there is ours.
      return created || (await read(number))?.change_id === content.change_id;
    },
  };
}

/** A register in a folder of its own. `update` also throws `store_failed` when the disk refuses. */
export function createRegister<T>(options: RevisionsOptions<T>): Register<T> {
  return createRevisedRegister(options.folder, openRevisions(options));
}
