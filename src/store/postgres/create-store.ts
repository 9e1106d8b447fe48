import type * as z from 'zod';
import { sha256OfText } from '../../lib/files/file-hash.ts';
import type { NextLook } from '../agenda.ts';
import { checkedId } from '../names.ts';
import type { Objects } from '../objects/objects.ts';
import { createRevisedRegister } from '../revised-register.ts';
import {
  budget,
  claim,
  keptWork,
  modelList,
  openQuestion,
  signingKey,
  submission,
  writtenFile,
} from '../shared-records.ts';
import type { Register, Store } from '../store.ts';
import { createAgenda } from './agenda.ts';
import { createDatabaseBlobs, tryToRemoveObjects } from './blobs.ts';
import { anyRow, type DatabaseOptions, openDatabase } from './database.ts';
import { createDatabasePresence } from './presence.ts';
import { recordRevisions, sharedRevisions } from './revisions.ts';
import { createStaging, sweep } from './staging.ts';
import { createSummaries, newestBatchIds } from './summaries.ts';
import { createTurns } from './turns.ts';

export type DatabaseStoreOptions = DatabaseOptions & {
  /** Entered with each record. */
  nextLook: NextLook;
  /** How long a process counts as alive without news of it, in milliseconds. */
  aliveMs: number;
  /** Told what could not be swept or read. */
  log: (message: string) => void;
  /** Where the bytes of new blobs go; null: into rows of the database. */
  objects?: Objects | null;
};

/** The store in a schema of a PostgreSQL database, which any number of machines share. Creating it makes no query. */
export function createDatabaseStore({
  log,
  nextLook,
  aliveMs,
  objects = null,
  ...options
}: DatabaseStoreOptions): Store & { close(): Promise<void> } {
  const db = openDatabase(options);
  const presence = createDatabasePresence(db, aliveMs, log);

  /** A change may claim something for this process, which has to be known by then. */
  function entered<T>(register: Register<T>): Register<T> {
    return {
      ...register,
      async update(change) {
        await presence.enter();
        return register.update(change);
      },
    };
  }

  function register<T>(kind: string, name: string, schema: z.ZodType<T>, summedAs?: string): Register<T> {
    return createRevisedRegister(
      `the ${kind} ${name} in ${db.place}`,
      sharedRevisions(db, kind, name, schema, summedAs),
    );
  }

  return {
    place: db.place,
    agenda: createAgenda(db, nextLook, log),
    presence,
    turns: createTurns(db),
    close: () => presence.close(),
    async stage() {
      await presence.enter();
      return createStaging(db, objects, nextLook);
    },
    record(batchId) {
      const id = checkedId('batch', batchId);
      const revisions = recordRevisions(db, id, nextLook);
      return entered(createRevisedRegister(`the record of ${id} in ${db.place}`, revisions));
    },
    blobs(batchId) {
      return createDatabaseBlobs({ db, objects, batchId: checkedId('batch', batchId), inStaging: false });
    },
    submission: (hash) => register('submission', checkedId('hash', hash), submission, hash),
    async isSubmitted(batchId) {
      const text =
        "select name as id from @.revision where kind = 'submission' and position($1 in content) > 0 limit 1";
      return (
        (await db.query('look for a submission', text, [checkedId('batch', batchId)], anyRow)).length > 0
      );
    },
    // Hashed, as a path may be longer than an index takes.
    writtenFile: (path) => register('written file', sha256OfText(path), writtenFile),
    budget: (day) => entered(register('budget', checkedId('day', day), budget, day)),
    signingKey: () => register('signing key', 'links', signingKey),
    models: (hash) => register('models', checkedId('hash', hash), modelList),
    work: (workId) => register('work', checkedId('work', workId), keptWork),
    question: (id) => register('question', checkedId('question', id), openQuestion),
    claim: (providerBatchId) => register('claim', checkedId('providerBatch', providerBatchId), claim),
    summaries: (summary) => createSummaries(db, summary),
    sweep: () => sweep(db, objects, log),

    async audit(entry) {
      await db.query(
        'note what was done',
        'insert into @.audit (entry) values ($1)',
        [JSON.stringify(entry)],
        anyRow,
      );
    },

    batchIds: () => newestBatchIds(db),

    async removeBatch(batchId) {
      const id = checkedId('batch', batchId);
      await db.query(`remove ${id}`, 'delete from @.batch where id = $1 and owner is null', [id], anyRow);
      await tryToRemoveObjects(db, objects, id);
    },
  };
}
