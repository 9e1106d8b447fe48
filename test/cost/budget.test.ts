import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { budgetToday, reserveBudget } from '../../src/cost/budget.ts';
import { BatchError } from '../../src/errors.ts';
import type { Context } from '../../src/state/context.ts';
import type { PartState } from '../../src/store/part-state.ts';
import { bundleForTests } from '../bundle.ts';
import { temporaryFolder } from '../harness.ts';
import {
  commitBatch,
  created,
  notSent,
  openContext,
  prepared,
  setPart,
  unconfirmed,
} from './budget-setting.ts';

const noon = () => new Date('2026-11-22T12:00:00Z');

async function contextWith(dollars: number): Promise<Context> {
  return openContext(await temporaryFolder(), dollars, noon);
}

/** What is spent, reserved and left of today, in that order. */
async function money(context: Context): Promise<number[]> {
  const { spent, reserved, left } = await budgetToday(context);
  return [spent, reserved, left];
}

async function refusal(work: Promise<void>): Promise<BatchError> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BatchError)) throw new Error('it was not refused');
  return error;
}

describe('the daily budget', () => {
  it('reserves the maximum, and refuses what it no longer holds, with the figures', async () => {
    const context = await contextWith(100);
    await reserveBudget(context, await commitBatch(context, 70, [prepared]));
    expect(await money(context)).toEqual([0, 70, 30]);

    const error = await refusal(reserveBudget(context, await commitBatch(context, 30.5, [prepared])));
    expect(error.code).toBe('cost_limit');
    expect(error.message).toContain('up to $30.50, and $30.00 is left of the daily budget of $100.00');
    expect(error.message).toContain('UTC day 2026-11-22: $0.00 spent, $70.00 reserved');
    expect(error.message).toContain('a cheaper model_tier, a lower max_tokens, or fewer tasks');
    expect(error.message).toContain('ask the person');
    const near = await refusal(reserveBudget(context, await commitBatch(context, 30.004, [prepared])));
    expect(near.message).toContain('up to $30.004000, and $30.000000 is left');
    expect(await money(context)).toEqual([0, 70, 30]);

    await reserveBudget(context, await commitBatch(context, 30, [prepared]));
    expect(await money(context)).toEqual([0, 100, 0]);
  });

  it('does not count the sandbox', async () => {
    const context = await contextWith(1);
    await reserveBudget(context, await commitBatch(context, 500, [prepared], 'sandbox'));
    expect(await money(context)).toEqual([0, 0, 1]);
  });

  it('is a new one on the next UTC day', async () => {
    const folder = await temporaryFolder();
    let time = new Date('2026-11-22T23:59:59.999Z');
    const context = await openContext(folder, 10, () => time);
    await reserveBudget(context, await commitBatch(context, 10, [prepared]));
    expect(await money(context)).toEqual([0, 10, 0]);
    time = new Date('2026-11-23T00:00:00Z');
    expect(await money(context)).toEqual([0, 0, 10]);
    await reserveBudget(context, await commitBatch(context, 10, [prepared]));
  });

  it('is not touched by a batch of which nothing waits to be sent', async () => {
    const context = await contextWith(10);
    await reserveBudget(context, await commitBatch(context, 50, [created(context), unconfirmed(context)]));
    expect(await money(context)).toEqual([0, 0, 10]);
  });

  it('renews the reservation of the same work instead of adding to it', async () => {
    const context = await contextWith(100);
    const record = await commitBatch(context, 80, [prepared, prepared]);
    await reserveBudget(context, record);
    await reserveBudget(context, record);
    expect(await money(context)).toEqual([0, 80, 20]);
    // Half of it is sent: going on reserves that half no second time.
    await reserveBudget(context, await setPart(context, record, 1, created(context)));
    expect(await money(context)).toEqual([0, 80, 20]);
  });

  it('counts once what was sent, and is over, while whoever was to send it stood still', async () => {
    for (const isSettledBefore of [true, false]) {
      const context = await contextWith(100);
      const before = await commitBatch(context, 80, [prepared]);
      await reserveBudget(context, before);
      await setPart(context, before, 1, created(context, 12.5));
      if (isSettledBefore) await reserveBudget(context, await commitBatch(context, 0, [prepared]));
      await reserveBudget(context, before);
      expect(await money(context)).toEqual([12.5, 0, 87.5]);
    }
  });

  it('keeps what was sent, and runs, while whoever was to send it stood still', async () => {
    const context = await contextWith(100);
    const before = await commitBatch(context, 80, [prepared]);
    await reserveBudget(context, before);
    await setPart(context, before, 1, created(context));
    await reserveBudget(context, before);
    expect(await money(context)).toEqual([0, 80, 20]);
    await setPart(context, before, 1, created(context, 12.5));
    expect(await money(context)).toEqual([12.5, 0, 87.5]);
  });

  it('counts a retry at its own maximum, beside what the first attempt cost', async () => {
    const context = await contextWith(100);
    const record = await commitBatch(context, 40, [prepared]);
    await reserveBudget(context, record);
    const ended = await setPart(context, record, 1, created(context, 12.5));
    const [first] = ended.parts;
    if (first === undefined) throw new Error('no part');
    const retry = { ...first, number: 2, attempt: 2, maximum_usd: 80, progress: prepared };
    await context.store.record(record.batch_id).update(() => ({ ...ended, parts: [first, retry] }));
    await reserveBudget(context, { ...ended, parts: [first, retry] });
    expect(await money(context)).toEqual([12.5, 80, 7.5]);
  });
});

describe('a reservation', () => {
  type Row = [what: string, states: (context: Context) => PartState[], spent: number, reserved: number];
  const rows: Row[] = [
    ['runs', (context) => [created(context), created(context)], 0, 80],
    ['has ended in part', (context) => [created(context, 10), created(context)], 0, 80],
    ['has ended', (context) => [created(context, 10), created(context, 2.5)], 12.5, 0],
    ['cost more than its maximum', (context) => [created(context, 70), created(context, 20)], 90, 0],
    ['is uncertain', (context) => [created(context, 10), unconfirmed(context)], 0, 80],
    ['was refused by the API', () => [notSent, notSent], 0, 0],
    ['was sent in part', (context) => [created(context, 10), notSent], 10, 0],
    ['was canceled', (context) => [created(context, 0, { canceled: 10 }), created(context, 1)], 1, 0],
    [
      'has expired',
      (context) => [created(context, 0, { expired: 10 }), created(context, 0, { expired: 10 })],
      0,
      0,
    ],
    [
      'failed',
      (context) => [created(context, 0, { errored: 10 }), created(context, 0, { errored: 10 })],
      0,
      0,
    ],
    ['has a model without a price', (context) => [created(context, null), created(context, 10)], 50, 0],
    ['waits for its living sender', () => [prepared, prepared], 0, 80],
  ];

  it.each(rows)('of a batch that %s', async (_what, states, spent, reserved) => {
    const folder = await temporaryFolder();
    const context = await openContext(folder, 100, noon);
    const record = await commitBatch(context, 80, [prepared, prepared]);
    await reserveBudget(context, record);
    for (const [index, state] of states(context).entries()) await setPart(context, record, index + 1, state);
    expect(await money(context)).toEqual([spent, reserved, 100 - spent - reserved]);

    // Whoever reserves next settles it, once: looking again finds the same.
    const other = await openContext(folder, 100, noon);
    await reserveBudget(other, await commitBatch(other, 5, [prepared]));
    await reserveBudget(other, await commitBatch(other, 0, [prepared]));
    expect(await money(context)).toEqual([spent, reserved + 5, 95 - spent - reserved]);
  });

  it('stands while the record of its batch is damaged', async () => {
    const context = await contextWith(100);
    const record = await commitBatch(context, 80, [prepared]);
    await reserveBudget(context, record);
    await writeFile(
      join(context.store.place, 'batches', record.batch_id, 'record', '00000002.json'),
      'nonsense',
    );
    expect(await money(context)).toEqual([0, 80, 20]);
  });

  it('is given up for what was taken up again meanwhile, and not with it', async () => {
    const context = await contextWith(100);
    const record = await commitBatch(context, 80, [prepared]);
    await reserveBudget(context, record);
    await setPart(context, record, 1, notSent);
    expect(await money(context)).toEqual([0, 0, 100]);
    await reserveBudget(context, await setPart(context, record, 1, prepared));
    expect(await money(context)).toEqual([0, 80, 20]);
  });
});

const worker = bundleForTests(join(import.meta.dirname, 'budget-worker.ts'));

/** A process of its own that reserves when it is told to. */
async function startWorker(folder: string, budget: number, maximum: number) {
  const args = [worker.path, folder, String(budget), String(maximum)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('ready');
  return {
    async reserve(): Promise<string> {
      child.stdin.write('go\n');
      return String((await lines.next()).value);
    },
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A context in which `times` readers of the day's budget wait until all of them have read it. */
function readingTogether(context: Context, times: number): Context {
  const { store } = context;
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  let left = times;
  const budget = (day: string) => {
    const register = store.budget(day);
    const read = async () => {
      const found = await register.read();
      left -= 1;
      if (left <= 0) resolve();
      await promise;
      return found;
    };
    return { ...register, read };
  };
  return { ...context, store: { ...store, budget } };
}

describe('the daily budget among processes', () => {
  it('does not refuse what it holds, where others reserve at the same moment and nobody settled yet', async () => {
    const context = await contextWith(100);
    const over = await commitBatch(context, 80, [prepared]);
    await reserveBudget(context, over);
    await setPart(context, over, 1, created(context, 10));
    const works = [];
    for (let each = 0; each < 3; each += 1) works.push(await commitBatch(context, 9, [prepared]));
    const together = readingTogether(context, works.length);
    await Promise.all(works.map((work) => reserveBudget(together, work)));
    expect(await money(context)).toEqual([10, 27, 63]);
  });

  it('lets one of two through that together would pass it', async () => {
    const folder = await temporaryFolder();
    const workers = await Promise.all([startWorker(folder, 100, 60), startWorker(folder, 100, 60)]);
    const answers = await Promise.all(workers.map((worker) => worker.reserve()));
    expect(answers.filter((answer) => answer.startsWith('reserved'))).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'cost_limit')).toHaveLength(1);
    expect(await money(await openContext(folder, 100))).toEqual([0, 60, 40]);
  });

  it('gives back what a killed process held and never sent, once', async () => {
    const folder = await temporaryFolder();
    const worker = await startWorker(folder, 100, 60);
    const [, batchId = ''] = (await worker.reserve()).split(' ');
    const context = await openContext(folder, 100);
    const big = await commitBatch(context, 90, [prepared]);
    expect((await refusal(reserveBudget(context, big))).code).toBe('cost_limit');

    await worker.kill();
    expect(await money(context)).toEqual([0, 0, 100]);
    await reserveBudget(context, big);
    expect(await money(context)).toEqual([0, 90, 10]);

    // Its batch can still be taken up, and then needs the money anew.
    const orphan = await context.store.record(batchId).read();
    if (orphan === null) throw new Error('the batch is gone');
    expect((await refusal(reserveBudget(context, orphan))).code).toBe('cost_limit');
    await setPart(context, big, 1, created(context, 20));
    await reserveBudget(context, orphan);
    expect(await money(context)).toEqual([20, 60, 20]);
  });

  it('keeps what a killed process may have sent', async () => {
    const folder = await temporaryFolder();
    const worker = await startWorker(folder, 100, 60);
    const [, batchId = ''] = (await worker.reserve()).split(' ');
    await worker.kill();
    const context = await openContext(folder, 100);
    const record = await context.store.record(batchId).read();
    if (record === null) throw new Error('the batch is gone');
    await setPart(context, record, 1, unconfirmed(context));
    expect(await money(context)).toEqual([0, 60, 40]);
    await setPart(context, record, 1, created(context, 33));
    expect(await money(context)).toEqual([33, 0, 67]);
  });
});
