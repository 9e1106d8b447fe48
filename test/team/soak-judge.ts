import type pg from 'pg';
import { z } from 'zod';
import type { ApiServer } from '../api-server.ts';

export type TeamReport = {
  seconds: number;
  tasks: number;
  kills: number;
  ends: number;
  freezes: number;
  restarts: number;
  faults: number;
  bucketFaults: number;
  /** How often the budget was used up for the moment, and the same work submitted again. */
  waitedForBudget: number;
  /** What was never sent, and sent by a person's word. */
  sentAgain: number;
  paidTasks: number;
  problems: string[];
};

const storedBudget = z.object({
  value: z.object({
    spent_usd: z.number(),
    open: z.array(z.looseObject({ parts: z.array(z.looseObject({ usd: z.number() })) })),
  }),
});

type Judged = {
  api: ApiServer;
  pool: pg.Pool;
  /** Of the day, in dollars. */
  limit: number;
  /** Gets what is found. */
  report: TeamReport;
  /** How many tasks each batch has, and what `get_results` says of it. */
  sizes: readonly number[];
  totals: readonly Record<string, any>[];
};

/** Whether anything was paid twice, has not one answer, passed the budget or is still to be done: by the API's own records. */
export async function judge({ api, pool, limit, report, sizes, totals: replies }: Judged): Promise<void> {
  const paid = new Map<string, number>();
  for (const { params } of api.batches.flatMap(({ requests }) => requests)) {
    const text = JSON.stringify(params);
    paid.set(text, (paid.get(text) ?? 0) + 1);
  }
  for (const [text, count] of paid) {
    report.paidTasks += count;
    if (count > 1) report.problems.push(`paid ${count} times: ${text}`);
  }
  for (const [batch, size] of sizes.entries()) {
    report.tasks += size;
    const totals = replies[batch]?.totals;
    if (totals?.total !== size || totals.succeeded !== size)
      report.problems.push(`${size} tasks came to ${JSON.stringify(totals)}`);
  }
  if (paid.size !== report.tasks) report.problems.push(`${paid.size} of ${report.tasks} tasks were sent`);

  const due = await pool.query(
    'select count(at)::int as open, count(holder)::int as held from batch_mcp.due',
  );
  if (due.rows[0].open !== 0) report.problems.push(`still due: ${JSON.stringify(due.rows[0])}`);
  const budgets = await pool.query("select content from batch_mcp.revision where kind = 'budget'");
  for (const { content } of budgets.rows) {
    const { spent_usd, open } = storedBudget.parse(JSON.parse(content)).value;
    const all = open.flatMap(({ parts }) => parts).reduce((sum, { usd }) => sum + usd, spent_usd);
    // Dollars are rounded to what a token costs.
    if (all > limit + 1e-6) report.problems.push(`the budget of ${limit} was passed: ${all}`);
  }
}
