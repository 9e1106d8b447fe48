import * as z from 'zod';
import { encodeEnvelope, seal } from '../envelope.ts';
import {
  type Movable,
  moveState,
  type RegisterName,
  type RevisionText,
  registerKinds,
} from '../moving/movable.ts';
import type { Objects } from '../objects/objects.ts';
import { processIdentity, thisProcess } from '../process-identity.ts';
import { createRevisedRegister } from '../revised-register.ts';
import { createDatabaseBlobs, tryToRemoveObjects } from './blobs.ts';
import { anyRow, type Database, type DatabaseOptions, MOVE, openDatabase } from './database.ts';
import { sharedRevisions } from './revisions.ts';
import { createSummaries, newestBatchIds } from './summaries.ts';

const AUDIT_AT_ONCE = 1_000;

const idRow = z.object({ id: z.string() });
const usedRow = z.tuple([z.object({ used: z.boolean() })]);
const textRow = z.object({ number: z.int(), text: z.string() });
const nameRow = z.object({ name: z.string() });
const registerRow = z.object({ kind: z.enum(registerKinds), name: z.string() });
const entryRow = z.object({ id: z.string(), entry: z.string() });

type MovableOptions = Omit<DatabaseOptions, 'isClosed'> & {
  /** Where the bytes of its blobs are, or go; null: rows of the database. */
  objects: Objects | null;
};

/** The store in a schema of a database, to be copied from or to. */
export function openMovableDatabase({ objects, ...options }: MovableOptions): Movable {
  const open = openDatabase(options);
  const db = openDatabase({ ...options, isClosed: true });
  const { place } = options;

  return {
    place,
    state: createRevisedRegister(
      `the move of ${place}`,
      sharedRevisions(open, MOVE.kind, MOVE.name, moveState),
    ),

    async isUsed() {
      await makeTables(open);
      const text = `
        select exists (select from @.record)
        or exists (select from @.revision where kind in ('claim', 'budget')) as used`;
      const [{ used }] = usedRow.parse(await open.query('look whether it is empty', text, [], anyRow));
      return used;
    },
    // It waits for every statement under way, and whatever comes after finds no such table.
    async close() {
      await makeTables(open);
      await open.query('close it', 'alter table if exists @.batch rename to batch_closed', [], anyRow);
    },
    async summarize(summary) {
      await createSummaries(open, summary)(await newestBatchIds(open));
    },
    async reopen() {
      await open.query('open it', 'alter table if exists @.batch_closed rename to batch', [], anyRow);
    },

    async batchIds() {
      const text = 'select id from @.batch where owner is null order by id';
      return (await db.query('list the batches', text, [], idRow)).map(({ id }) => id);
    },
    batch: (batchId) => ({
      revisions: () =>
        db.query(
          `read the record of ${batchId}`,
          'select number, content as text from @.record where batch_id = $1 order by number',
          [batchId],
          textRow,
        ),
      async blobNames() {
        const text = 'select name from @.blob_name where batch_id = $1 order by name';
        return (await db.query(`list what ${batchId} holds`, text, [batchId], nameRow)).map(
          ({ name }) => name,
        );
      },
      blobs: createDatabaseBlobs({ db, objects, batchId, inStaging: false }),
    }),
    removeBatch: (batchId) => removeBatch(db, objects, batchId),

    async arrive(batchId) {
      await removeBatch(db, objects, batchId);
      const owner = encodeEnvelope(`the owner of ${batchId}`, seal(thisProcess()), processIdentity);
      const insert = 'insert into @.batch (id, owner) values ($1, $2)';
      await db.query(`begin ${batchId}`, insert, [batchId, owner], anyRow);
      return {
        blobs: createDatabaseBlobs({ db, objects, batchId, inStaging: true }),
        commit: (revisions) => commit(db, batchId, revisions),
      };
    },

    async registers() {
      const text = 'select distinct kind, name from @.revision where kind = any($1::text[])';
      return db.query('list what is kept', text, [registerKinds], registerRow);
    },
    register: (name) => registerIn(db, name),
    audit: () => auditOf(db),
    writeAudit: (lines) => writeAudit(db, lines),
  };
}

/** Creates the tables where there are none. */
async function makeTables(open: Database): Promise<void> {
  await open.query('open it', 'select', [], anyRow);
}

async function removeBatch(db: Database, objects: Objects | null, batchId: string): Promise<void> {
  await db.query(`remove ${batchId}`, 'delete from @.batch where id = $1', [batchId], anyRow);
  await tryToRemoveObjects(db, objects, batchId);
}

/** When it is looked at next is entered by the first worker, as after an older version. */
async function commit(db: Database, batchId: string, revisions: readonly RevisionText[]): Promise<void> {
  const text = `
    with seen as (update @.batch set owner = null where id = $1 and owner is not null returning id)
    insert into @.record (batch_id, number, content)
    select seen.id, r.number, r.content from seen, unnest($2::int[], $3::text[]) as r (number, content)`;
  const columns = [revisions.map(({ number }) => number), revisions.map(({ text: content }) => content)];
  await db.query(`write the record of ${batchId}`, text, [batchId, ...columns], anyRow);
}

function registerIn(db: Database, { kind, name }: RegisterName) {
  const what = `the ${kind} ${name}`;
  return {
    revisions: () =>
      db.query(
        `read ${what}`,
        'select number, content as text from @.revision where kind = $1 and name = $2 order by number',
        [kind, name],
        textRow,
      ),
    async add({ number, text }: RevisionText) {
      const insert = 'insert into @.revision (kind, name, number, content) values ($1, $2, $3, $4)';
      await db.query(`write ${what}`, insert, [kind, name, number, text], anyRow);
    },
    async remove() {
      const remove = 'delete from @.revision where kind = $1 and name = $2';
      await db.query(`remove ${what}`, remove, [kind, name], anyRow);
    },
  };
}

async function* auditOf(db: Database): AsyncIterable<string> {
  const text = `select id::text, entry from @.audit where id > $1::bigint order by audit.id limit ${AUDIT_AT_ONCE}`;
  for (let after = '0'; ; ) {
    const rows = await db.query('read what was done', text, [after], entryRow);
    for (const { entry } of rows) yield entry;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

async function writeAudit(db: Database, lines: AsyncIterable<string>): Promise<void> {
  const doing = 'write what was done';
  await db.query(doing, 'delete from @.audit', [], anyRow);
  const insert = 'insert into @.audit (entry) select * from unnest($1::text[])';
  let some: string[] = [];
  for await (const line of lines) {
    // The log of a machine that lost power can end in these, which a database text can't hold.
    some.push(line.replaceAll('\0', '\uFFFD'));
    if (some.length < AUDIT_AT_ONCE) continue;
    await db.query(doing, insert, [some], anyRow);
    some = [];
  }
  await db.query(doing, insert, [some], anyRow);
}
