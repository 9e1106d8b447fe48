import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import type { Agenda, Lease, NextLook } from '../agenda.ts';
import { decodeEnvelope } from '../envelope.ts';
import { batchRecord } from '../record.ts';
import { anyRow, type Database } from './database.ts';

const AT_ONCE = 500;

/** A statement's part that enters the next look at a batch; `made` gives the record's `batch_id` and `number`. */
export const planText = (made: string, inMs: string, subject: string) => `
  insert into @.due as d (batch_id, revision, at, subject)
  select batch_id, number, now() + ${inMs}::float8 * interval '1 millisecond', ${subject}::text from ${made}
  on conflict (batch_id) do update
  set revision = excluded.revision, at = excluded.at, subject = excluded.subject, failed = 0
  where d.revision < excluded.revision`;

/**
 * First those whose subject has the fewest batches with workers, then was served longest ago, then what waits longest: one
 * person's thousand batches keep nobody else's waiting.
 */
const TAKE = `
  with busy as (
    select subject, count(*) filter (where until > now()) as held, max(taken_at) as served
    from @.due where taken_at > now() - interval '10 minutes' or until > now() group by subject
  ), ready as (
    select batch_id, subject, at, row_number() over (partition by subject order by at) as turn
    from @.due where at <= now() and (until is null or until <= now())
  ), chosen as (
    select d.batch_id from @.due d join ready r on r.batch_id = d.batch_id left join busy b on b.subject = r.subject
    where d.at <= now() and (d.until is null or d.until <= now())
    order by r.turn + coalesce(b.held, 0), b.served nulls first, r.at
    limit $1 for update of d skip locked
  )
  update @.due d set holder = $2, until = now() + $3 * interval '1 millisecond', taken_at = now()
  from chosen c where d.batch_id = c.batch_id
  returning d.batch_id as "batchId", d.revision, d.failed`;

/** What has ended keeps its time, which is null. */
const RELEASE = `
  update @.due set holder = null, until = null, failed = $4, at = case
    when at is null then null
    when $3::float8 is not null then greatest(at, now() + $3::float8 * interval '1 millisecond')
    when revision > $5 then at
  end
  where batch_id = $1 and holder = $2`;

const MISSING = `
  select b.id, r.number, r.content from @.batch b
  join lateral (select number, content from @.record where batch_id = b.id order by number desc limit 1) r on true
  left join @.due d on d.batch_id = b.id
  where b.id > $1 and b.owner is null and (d.revision is null or d.revision < r.number)
  order by b.id limit ${AT_ONCE}`;

const ENTER = `
  with found as (
    select f.batch_id, f.number, f.in_ms, f.subject
    from unnest($1::text[], $2::int[], $3::float8[], $4::text[]) as f (batch_id, number, in_ms, subject)
    join @.batch b on b.id = f.batch_id
  ) ${planText('found', 'in_ms', 'subject')}`;

const leaseRow = z.object({ batchId: z.string(), revision: z.int(), failed: z.int() });
const missingRow = z.object({ id: z.string(), number: z.int(), content: z.string() });
type Missing = z.infer<typeof missingRow>;

/** The agenda as a table: a row for each batch, with its time and who has it. */
export function createAgenda(db: Database, nextLook: NextLook, log: (message: string) => void): Agenda {
  const holder = randomUUID();

  function entryOf({ id, number, content }: Missing) {
    try {
      const place = `the record of ${id} in ${db.place}`;
      const { value } = decodeEnvelope(place, content, batchRecord, { register: id, number });
      return [{ id, number, ...nextLook(value) }];
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      log(`${id} is left alone: ${error.message}`);
      return [];
    }
  }

  async function enter(missing: readonly Missing[]): Promise<number> {
    const entries = missing.flatMap(entryOf);
    const columns = [
      entries.map(({ id }) => id),
      entries.map(({ number }) => number),
      entries.map(({ inMs }) => inMs),
      entries.map(({ subject }) => subject),
    ];
    if (entries.length > 0) await db.query('enter what is due', ENTER, columns, anyRow);
    return entries.length;
  }

  return {
    take: (count, leaseMs) => db.query('take what is due', TAKE, [count, holder, leaseMs], leaseRow),

    async renew(leases, leaseMs) {
      const text = `
        update @.due set until = now() + $3 * interval '1 millisecond'
        where batch_id = any($1::text[]) and holder = $2`;
      const ids = leases.map(({ batchId }) => batchId);
      if (ids.length > 0) await db.query('keep what was taken', text, [ids, holder, leaseMs], anyRow);
    },

    async release({ batchId, revision }: Lease, { pauseMs, failed }) {
      const values = [batchId, holder, pauseMs, failed, revision];
      await db.query(`give ${batchId} back`, RELEASE, values, anyRow);
    },

    async rebuild() {
      let entered = 0;
      for (let after = ''; ; ) {
        const missing = await db.query('look for what is due', MISSING, [after], missingRow);
        entered += await enter(missing);
        const last = missing.at(-1);
        if (last === undefined || missing.length < AT_ONCE) return entered;
        after = last.id;
      }
    },
  };
}
