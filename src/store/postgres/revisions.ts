import * as z from 'zod';
import type { NextLook } from '../agenda.ts';
import { decodeEnvelope, encodeEnvelope } from '../envelope.ts';
import { type BatchRecord, recordOf } from '../record.ts';
import type { Revisions } from '../revised-register.ts';
import { damaged, unlessUnreadable } from '../stored-json.ts';
import { planText } from './agenda.ts';
import type { Database } from './database.ts';

const revisionRow = z.object({ number: z.int(), content: z.string() });
const newestRow = z.object({ number: z.int().nullable(), content: z.string().nullable() });
const numberRow = z.object({ number: z.int() });

type RevisionTexts<T> = {
  what: string;
  /** The register's name in the sums of its revisions, the same in every store; left out where they have none. */
  summedAs?: string | undefined;
  newest: string;
  all: string;
  create: string;
  key: string[];
  /** What else `create` takes. */
  beside?: (value: T) => unknown[];
};

/**
 * `create` of the texts takes the number and the content after the key. That a row is inserted at all is what tells the winner:
 * of two inserts of one number the second waits for the first, and inserts nothing.
 */
function openRevisions<T>(db: Database, schema: z.ZodType<T>, texts: RevisionTexts<T>): Revisions<T> {
  const { what, key, summedAs, beside = () => [] } = texts;
  const place = `${what} in ${db.place}`;
  const standingOf = (number: number) =>
    summedAs === undefined ? undefined : { register: summedAs, number };
  return {
    async newest() {
      const [row] = await db.query(`read ${what}`, texts.newest, key, newestRow);
      if (row === undefined) return null;
      const { number, content } = row;
      if (number === null || content === null) throw damaged(place, 'it is missing');
      return { number, ...decodeEnvelope(place, content, schema, standingOf(number)) };
    },
    async all() {
      const rows = await db.query(`read ${what}`, texts.all, key, revisionRow);
      const read = await Promise.all(
        rows.map(({ number, content }) =>
          unlessUnreadable(() => ({ number, ...decodeEnvelope(place, content, schema, standingOf(number)) })),
        ),
      );
      return read.filter((revision) => revision !== null);
    },
    async create({ number, ...content }) {
      const text = encodeEnvelope(place, content, schema, standingOf(number));
      const values = [...key, number, text, ...beside(content.value)];
      const made = await db.query(`write ${what}`, texts.create, values, numberRow);
      return made.length === 1;
    },
  };
}

/** The revisions of a register that belongs to no batch. */
export function sharedRevisions<T>(
  db: Database,
  kind: string,
  name: string,
  schema: z.ZodType<T>,
  summedAs?: string,
): Revisions<T> {
  return openRevisions(db, schema, {
    what: `the ${kind} ${name}`,
    summedAs,
    key: [kind, name],
    newest:
      'select number, content from @.revision where kind = $1 and name = $2 order by number desc limit 1',
    all: 'select number, content from @.revision where kind = $1 and name = $2 order by number',
    // A later one only after the one before it: the register may have been swept.
    create: `
      insert into @.revision (kind, name, number, content)
      select $1::text, $2::text, $3::int, $4::text
      where $3::int = 1 or exists (select from @.revision where kind = $1 and name = $2 and number = $3::int - 1)
      on conflict do nothing returning number`,
  });
}

/** The revisions of a batch's record: a visible batch has one, or has lost it. Each is written with the time of the next look. */
export function recordRevisions(db: Database, batchId: string, nextLook: NextLook): Revisions<BatchRecord> {
  return openRevisions(db, recordOf(batchId), {
    what: `the record of ${batchId}`,
    summedAs: batchId,
    key: [batchId],
    newest: `
      select r.number, r.content from @.batch b left join @.record r on r.batch_id = b.id
      where b.id = $1 and b.owner is null order by r.number desc limit 1`,
    all: `
      select r.number, r.content from @.batch b join @.record r on r.batch_id = b.id
      where b.id = $1 and b.owner is null order by r.number`,
    // Locked, so that it is not removed meanwhile.
    create: `
      with seen as (select id from @.batch where id = $1 and owner is null for key share),
      made as (
        insert into @.record (batch_id, number, content) select id, $2::int, $3::text from seen
        on conflict do nothing returning batch_id, number
      ), planned as (${planText('made', '$4', '$5')})
      select number from made`,
    beside(record) {
      const { inMs, subject } = nextLook(record);
      return [inMs, subject];
    },
  });
}
