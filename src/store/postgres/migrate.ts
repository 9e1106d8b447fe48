import * as z from 'zod';
import { BatchError, hasErrorCode } from '../../errors.ts';
import { migrations } from './migrations.ts';

type Run = (text: string, values?: unknown[]) => Promise<unknown[]>;

/** Any number that no other program is likely to lock by. */
const LOCK = 4_202_611_261;
const UNDEFINED_TABLE = '42P01';

const encodings = z.tuple([z.object({ encoding: z.string() })]);
const versions = z.tuple([z.object({ number: z.int() })]);

/** The newest step that was taken; 0 where there is nothing yet. */
async function stepTaken(run: Run): Promise<number> {
  try {
    const [{ number }] = versions.parse(
      await run('select coalesce(max(number), 0)::int as number from @.migration'),
    );
    return number;
  } catch (error) {
    if (hasErrorCode(error, UNDEFINED_TABLE)) return 0;
    throw error;
  }
}

/**
 * One statement, and so one transaction: under a lock, for several servers start at once, and not where another has just taken
 * this step.
 */
const stepText = (number: number, step: string, schema: string) => `
do $migrate$ begin
  perform pg_advisory_xact_lock(${LOCK});
  create schema if not exists "${schema}";
  create table if not exists @.migration (number integer primary key, taken_at timestamptz not null default now());
  if not exists (select from @.migration where number = ${number}) then
    ${step}
    insert into @.migration (number) values (${number});
  end if;
end $migrate$`;

/** Brings the schema to what this version knows. A schema that is there already needs no right to create anything. */
export async function migrate(run: Run, schema: string, place: string): Promise<void> {
  const taken = await stepTaken(run);
  if (taken > migrations.length) {
    throw new BatchError(
      'store_failed',
      `${place} was set up by a newer batch-mcp (step ${taken}, where this one knows ${migrations.length}): update this one. ` +
        'Nothing was changed and nothing is lost.',
    );
  }
  const [{ encoding }] = encodings.parse(await run("select current_setting('server_encoding') as encoding"));
  if (encoding !== 'UTF8') {
    const message = `${place} is encoded as ${encoding}, which can't hold every text. Create a database with encoding UTF8.`;
    throw new BatchError('store_failed', message);
  }
  for (const [index, step] of migrations.entries()) {
    if (index >= taken) await run(stepText(index + 1, step, schema));
  }
}
