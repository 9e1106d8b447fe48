import * as z from 'zod';
import type { Turns } from '../agenda.ts';
import { anyRow, type Database } from './database.ts';

/** Turns left over from the last seconds may be used at once. */
const SAVED_MS = 5_000;

const ENTER = 'insert into @.turn (name) values ($1) on conflict do nothing';

/** The row is locked first, so that each turn goes to one caller; it holds the moment of the next turn. */
const TAKE = `
  with kept as (
    select name, greatest(next_at, now() - $3 * interval '1 millisecond', held_until) as turn_at
    from @.turn where name = $1 for update
  ), taken as (
    update @.turn t set next_at = k.turn_at + $2 * interval '1 millisecond'
    from kept k where t.name = k.name and k.turn_at <= now() + $4 * interval '1 millisecond'
  )
  select greatest(0, extract(epoch from turn_at - now()) * 1000)::float8 as ms from kept`;

const HELD = `
  select greatest(0, extract(epoch from held_until - now()) * 1000)::float8 as ms from @.turn where name = $1`;

const HOLD = `
  insert into @.turn as t (name, held_until) values ($1, now() + $2 * interval '1 millisecond')
  on conflict (name) do update set held_until = greatest(t.held_until, excluded.held_until)`;

const msRow = z.object({ ms: z.number().nullable() });

/** Turns as a table: a row for each name, with the moment of its next turn by the database's clock. */
export function createTurns(db: Database): Turns {
  const entered = new Set<string>();
  const doing = 'take a turn at the API';

  async function take(name: string, perMinute: number, longestMs: number): Promise<number> {
    if (!entered.has(name)) await db.query(doing, ENTER, [name], anyRow);
    entered.add(name);
    const eachMs = 60_000 / perMinute;
    // At least one turn is immediate.
    const savedMs = Math.max(0, SAVED_MS - eachMs);
    const [row] = await db.query(doing, TAKE, [name, eachMs, savedMs, longestMs], msRow);
    return row?.ms ?? 0;
  }

  return {
    async next(name, perMinute, longestMs) {
      if (perMinute !== null) return take(name, perMinute, longestMs);
      const [row] = await db.query(doing, HELD, [name], msRow);
      return row?.ms ?? 0;
    },
    async hold(name, ms) {
      await db.query(doing, HOLD, [name, ms], anyRow);
    },
  };
}
