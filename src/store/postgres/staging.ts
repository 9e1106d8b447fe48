import { ulid } from 'ulid';
import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import type { NextLook } from '../agenda.ts';
import { decodeEnvelope, encodeEnvelope, seal } from '../envelope.ts';
import type { Objects } from '../objects/objects.ts';
import { isProvenDead, processIdentity, thisProcess } from '../process-identity.ts';
import { batchRecord } from '../record.ts';
import { QUESTION_KEPT_MS, WORK_KEPT_MS } from '../shared-records.ts';
import type { Staging } from '../store.ts';
import { planText } from './agenda.ts';
import { createDatabaseBlobs, removeLeftObjects, tryToRemoveObjects } from './blobs.ts';
import { anyRow, type Database } from './database.ts';

const idRow = z.object({ id: z.string() });
const stagedRow = z.object({ id: z.string(), owner: z.string(), stale: z.boolean() });

/**
 * Nobody comes back for what was begun longer ago: on other machines no process can be seen to be dead. Whoever does come
 * back finds it gone, before anything was sent.
 */
const STALE = "interval '1 day'";

/** Nobody asks for that process any more: what it may have left was taken up by then. */
const FORGOTTEN = "interval '90 days'";

/** Makes a batch that has an owner, and so is seen by nobody else. */
export async function createStaging(
  db: Database,
  objects: Objects | null,
  nextLook: NextLook,
): Promise<Staging> {
  const batchId = `batch_${ulid()}`;
  const owner = encodeEnvelope(`the owner of ${batchId}`, seal(thisProcess()), processIdentity);
  const insert = 'insert into @.batch (id, owner) values ($1, $2)';
  await db.query(`begin ${batchId}`, insert, [batchId, owner], anyRow);
  return {
    batchId,
    blobs: createDatabaseBlobs({ db, objects, batchId, inStaging: true }),

    async commit(record) {
      const text = `
        with seen as (update @.batch set owner = null where id = $1 and owner is not null returning id),
        made as (
          insert into @.record (batch_id, number, content) select id, 1, $2::text from seen returning batch_id, number
        ), planned as (${planText('made', '$3', '$4')})
        select batch_id as id from made`;
      const content = encodeEnvelope(`the record of ${batchId}`, seal(record), batchRecord, {
        register: batchId,
        number: 1,
      });
      const { inMs, subject } = nextLook(record);
      const values = [batchId, content, inMs, subject];
      const made = await db.query(`write the record of ${batchId}`, text, values, idRow);
      if (made.length === 1) return;
      throw new BatchError(
        'store_failed',
        `Could not finish ${batchId}: it took more than a day to prepare, and was swept. Nothing was sent; submit it again.`,
      );
    },

    async discard() {
      const text = 'delete from @.batch where id = $1 and owner is not null';
      await db.query(`discard ${batchId}`, text, [batchId], anyRow);
      await tryToRemoveObjects(db, objects, batchId);
    },
  };
}

/** Removes what dead processes left unfinished, and work and questions that were kept long enough. */
export async function sweep(
  db: Database,
  objects: Objects | null,
  log: (message: string) => void,
): Promise<void> {
  const doing = 'sweep';
  const staged = await db.query(
    doing,
    `select id, owner, made_at < now() - ${STALE} as stale from @.batch where owner is not null`,
    [],
    stagedRow,
  );
  const abandoned = staged.filter(({ id, owner, stale }) => {
    if (stale) return true;
    try {
      return isProvenDead(decodeEnvelope(`the owner of ${id}`, owner, processIdentity).value);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      log(`left ${id} in place while sweeping: ${error.message}`);
      return false;
    }
  });
  const remove = 'delete from @.batch where id = any($1::text[]) and owner is not null';
  if (abandoned.length > 0) await db.query(doing, remove, [abandoned.map(({ id }) => id)], anyRow);
  const unfinished = `
    delete from @.blob b where begun_at < now() - ${STALE}
    and not exists (select from @.blob_name n where n.blob_id = b.id)`;
  await db.query(doing, unfinished, [], anyRow);
  const processes = `delete from @.process where seen_at < now() - ${FORGOTTEN}`;
  await db.query(doing, processes, [], anyRow);
  const old = `
    delete from @.revision r where kind = $1 and not exists (
      select from @.revision n where n.kind = r.kind and n.name = r.name
      and n.written_at > now() - $2 * interval '1 millisecond')`;
  await db.query(doing, old, ['work', WORK_KEPT_MS], anyRow);
  await db.query(doing, old, ['question', QUESTION_KEPT_MS], anyRow);
  await removeLeftObjects(db, objects, null);
}
