import * as z from 'zod';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { migrations, STEP_NEEDED } from './migrations.ts';

type Run = (text: string, values?: unknown[]) => Promise<unknown[]>;

/** A number that no other program is likely to use as a lock. */
const LOCK = 4_202_611_261;
const UNDEFINED_TABLE = '42P01';
/** duplicate_table, duplicate_column */
const DUPLICATE = ['42P07', '42701'];

const encodings = z.tuple([z.object({ encoding: z.string() })]);
const versions = z.tuple([z.object({ number: z.int(), needed: z.int() })]);

/** The newest step that was taken, and the one that a server has to know to work on what it made; 0 where there is nothing yet. */
async function stepsTaken(run: Run): Promise<{ number: number; needed: number }> {
  const text =
    'select coalesce(max(number), 0)::int as number, coalesce(max(needed), 0)::int as needed from @.migration';
  try {
    const [taken] = versions.parse(await run(text));
    return taken;
  } catch (error) {
    if (hasErrorCode(error, UNDEFINED_TABLE)) return { number: 0, needed: 0 };
    throw error;
  }
}

/**
 * One statement, and so one transaction: under a lock, as several servers may start at once, and skipped where another has just taken
 * this step.
 */
const stepText = (number: number, step: string, schema: string) => `
do $migrate$ begin
  perform pg_advisory_xact_lock(${LOCK});
  -- Asked first, for even one that is there takes the right to create some.
  if not exists (select from pg_namespace where nspname = '${schema}') then
    create schema if not exists "${schema}";
  end if;
  create table if not exists @.migration (
    number integer primary key, needed integer not null, taken_at timestamptz not null default now()
  );
  if not exists (select from @.migration where number = ${number}) then
    ${step}
    insert into @.migration (number, needed) values (${number}, ${STEP_NEEDED});
  end if;
end $migrate$`;

/**
 * Brings the schema to what this version knows, and leaves what a newer one has added while that allows it: servers are replaced
 * one after another. With an existing schema no right to create anything is needed.
 */
export async function migrate(run: Run, schema: string, place: string): Promise<void> {
  const taken = await stepsTaken(run);
  if (taken.needed > migrations.length) {
    throw new BatchError(
      'store_failed',
      `${place} was set up by a newer batch-mcp (step ${taken.needed}, where this one knows ${migrations.length}): update this one. ` +
        'Nothing was changed and nothing is lost.',
      { isOfStore: true },
    );
  }
  const [{ encoding }] = encodings.parse(await run("select current_setting('server_encoding') as encoding"));
  if (encoding !== 'UTF8') {
    const message = `${place} is encoded as ${encoding}, which can't hold every text. Create a database with encoding UTF8.`;
    throw new BatchError('store_failed', message, { isOfStore: true });
  }
  for (const [index, step] of migrations.entries()) {
    if (index < taken.number) continue;
    try {
      await run(stepText(index + 1, step, schema));
    } catch (error) {
      // Under strict isolation, whoever waited for the lock still sees the state before, and fails at the present one.
      if (!hasErrorCode(error, ...DUPLICATE) || (await stepsTaken(run)).number <= index) throw error;
    }
  }
}
