import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { decodeEnvelope } from '../envelope.ts';
import { batchRecord } from '../record.ts';
import type { DamagedBatch, Summaries, Summary } from '../store.ts';
import { damaged, parseStored } from '../stored-json.ts';
import { anyRow, type Database } from './database.ts';

/** Fewer new ones than this are not worth a statement of their own. */
const WORTH_WRITING = 50;

const row = z.object({
  id: z.string(),
  number: z.int().nullable(),
  summary: z.string().nullable(),
  content: z.string().nullable(),
});

/** One query for any number of batches, which gives the summary where one is kept for that revision, else the record. */
const LOOK = `
  select b.id, r.number, s.content as summary,
    case when s.content is null and r.number is distinct from k.number then r.content end as content
  from (
    select k.id, k.number, k.place
    from unnest($2::text[], $3::int[]) with ordinality as k (id, number, place)
  ) k
  join @.batch b on b.id = k.id and b.owner is null
  left join lateral (select number, content from @.record where batch_id = b.id order by number desc limit 1) r on true
  left join @.summary s
    on s.name = $1 and s.batch_id = b.id and s.number = r.number and r.number is distinct from k.number
  order by k.place`;

/**
 * Whose records have changed since a moment, and the moment of this look. A moment is the oldest transaction that was still under way
 * then: whatever was not visible has this number or a later one. A number that is still to come was brought here from another server,
 * by a backup, and says nothing.
 */
const CHANGED = `
  select pg_snapshot_xmin(pg_current_snapshot())::text as moment, coalesce(array_agg(distinct batch_id), '{}') as ids
  from @.record where written_by >= $1::xid8 and written_by < pg_snapshot_xmax(pg_current_snapshot())`;

const changedRow = z.tuple([z.object({ moment: z.string(), ids: z.array(z.string()) })]);
/** Later than anything ever written: everything is unknown. */
const NEVER = '18446744073709551615';

const KEEP = `
  insert into @.summary (name, batch_id, number, content)
  select $1, k.id, k.number, k.content from unnest($2::text[], $3::int[], $4::text[]) as k (id, number, content)
  join @.batch b on b.id = k.id
  on conflict (name, batch_id) do update set number = excluded.number, content = excluded.content
  where summary.number < excluded.number`;

const idsRow = z.tuple([z.object({ ids: z.string() })]);

/** All visible batches, newest first. */
export async function newestBatchIds(db: Database): Promise<string[]> {
  // A ULID begins with its time, so the order of ids is the order of making.
  // As one text, as a hundred thousand rows take five times as long.
  const text =
    "select coalesce(string_agg(id, ' ' order by id desc), '') as ids from @.batch where owner is null";
  const [{ ids }] = idsRow.parse(await db.query('list the batches', text, [], anyRow));
  return ids === '' ? [] : ids.split(' ');
}

type Kept<T> = { number: number; summary: T };

/** Keeps summaries in memory, and in a table for the next process. */
export function createSummaries<T>(db: Database, { name, schema, make }: Summary<T>) {
  let kept: ReadonlyMap<string, Kept<T>> = new Map();
  let unwritten = new Map<string, Kept<T>>();
  let moment = NEVER;
  let last: { ids: readonly string[]; summaries: Summaries<T> } | undefined;

  /** Undefined where another version made it in another form. */
  function readKept(id: string, text: string): T | undefined {
    const place = `a summary of ${id} in ${db.place}`;
    return schema.safeParse(parseStored(place, text)).data;
  }

  function fromRecord(id: string, content: string, number: number): T {
    const place = `the record of ${id} in ${db.place}`;
    return make(decodeEnvelope(place, content, batchRecord, { register: id, number }).value);
  }

  async function recordOf(id: string, number: number): Promise<string> {
    const text = 'select content from @.record where batch_id = $1 and number = $2';
    const rows = await db.query(`read ${id}`, text, [id, number], z.object({ content: z.string() }));
    const [found] = rows;
    if (found === undefined) throw damaged(`the record of ${id} in ${db.place}`, 'it is missing');
    return found.content;
  }

  async function lookAt(
    { id, number, summary, content }: z.infer<typeof row>,
    known: Kept<T> | undefined,
  ): Promise<Kept<T>> {
    if (number === null) throw damaged(`the record of ${id} in ${db.place}`, 'it is missing');
    if (known?.number === number) return known;
    const read = summary === null ? undefined : readKept(id, summary);
    if (read !== undefined) return { number, summary: read };
    const made = { number, summary: fromRecord(id, content ?? (await recordOf(id, number)), number) };
    unwritten.set(id, made);
    return made;
  }

  async function write(): Promise<void> {
    const all = [...unwritten];
    unwritten = new Map();
    const columns = [
      all.map(([id]) => id),
      all.map(([, { number }]) => number),
      all.map(([, { summary }]) => JSON.stringify(summary)),
    ];
    await db.query('keep summaries', KEEP, [name, ...columns], anyRow);
  }

  /** Looks only at those that are unknown, or have changed since; the unchanged are not assembled again. */
  return async (ids: readonly string[]): Promise<Summaries<T>> => {
    const before = kept;
    const [changed] = changedRow.parse(await db.query('list the batches', CHANGED, [moment], anyRow));
    if (changed.ids.length === 0 && last !== undefined && isSameList(ids, last.ids)) {
      moment = changed.moment;
      return last.summaries;
    }
    const isChanged = new Set(changed.ids);
    const toLookAt = ids.filter((id) => isChanged.has(id) || !before.has(id));
    const known = toLookAt.map((id) => before.get(id)?.number ?? 0);
    const rows = await db.query('list the batches', LOOK, [name, toLookAt, known], row);
    const looked = new Set(toLookAt);
    const found = new Map<string, Kept<T>>();
    for (const id of ids) {
      const same = looked.has(id) ? undefined : before.get(id);
      if (same !== undefined) found.set(id, same);
    }
    const broken: DamagedBatch[] = [];
    for (const each of rows) {
      try {
        found.set(each.id, await lookAt(each, before.get(each.id)));
      } catch (error) {
        if (!(error instanceof BatchError) || !error.code.startsWith('store_')) throw error;
        const is_broken = error.code === 'store_damaged';
        broken.push({ batch_id: each.id, problem: error.message, is_broken });
      }
    }
    kept = found;
    moment = changed.moment;
    if (unwritten.size >= WORTH_WRITING) await write();
    const summaries = { found: ids.flatMap((id) => found.get(id)?.summary ?? []), damaged: broken };
    // What can't be read may be repaired without notice.
    last = broken.length > 0 ? undefined : { ids, summaries };
    return summaries;
  };
}

const isSameList = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((each, index) => each === others[index]);
