import { cp } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { long } from '../long.ts';

/**
 * A data folder that batch-mcp 0.1.0 wrote on the sandbox, as its servers left it: three batches that ended
 * (one of them canceled in part and retried), one that was in progress, and one whose server was killed between the
 * intent and the create of its second part.
 */
const FIXTURE = path.resolve(import.meta.dirname, '../fixtures/data-of-0.1.0');
const batches = {
  finished: 'batch_01M89WD3DVK8NR1GD6MMFN1S7M',
  retried: 'batch_01M89WD62NSY66Z7GDPCNYPR65',
  canceled: 'batch_01M89WDAVDW5PKQFTGJ5FNVGS7',
  unfinished: 'batch_01M89WDHNA4HGJJQQF4CWAHEMS',
  uncertain: 'batch_01M89WDKE508EXDM4FBZF6BEVR',
};

async function onOlderData(options: { now?: () => Date } = {}): Promise<TestServer> {
  const folder = await temporaryFolder();
  await cp(FIXTURE, path.join(folder, 'data'), { recursive: true });
  return startServer({
    folder,
    argv: ['--sandbox'],
    env: { BATCH_MCP_SETTLE_SECONDS: '0.05' },
    limits: { partRequests: 3 },
    ...options,
  });
}

const outcomesIn = async (server: TestServer, batch_id: string) =>
  (await server.ok('get_results', { batch_id, detail: 'concise' })).results.map(
    (answer: { task_id: string; outcome: string }) => `${answer.task_id}: ${answer.outcome}`,
  );

const tasks = (name: string, outcomes: readonly string[]) =>
  outcomes.map((outcome, i) => `${name} ${i + 1}/${outcomes.length}: ${outcome}`);

async function ended(server: TestServer, batch_id: string) {
  for (;;) {
    const status = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    if (status.processing_status === 'ended' && status.results_state === 'saved') return status;
  }
}

test('lists the batches of an older version', async () => {
  const server = await onOlderData();
  const { batches: listed, warnings } = await server.ok('list_batches', {});
  const statuses = listed.map((batch: Record<string, string>) => [batch.name, batch.processing_status]);
  expect(Object.fromEntries(statuses)).toEqual({
    finished: 'ended',
    retried: 'ended',
    canceled: 'ended',
    unfinished: 'in_progress',
    uncertain: 'submitting',
  });
  expect(JSON.stringify(warnings)).not.toContain("can't be read");
});

test('reads what an older version saved', async () => {
  const server = await onOlderData();
  expect(await outcomesIn(server, batches.finished)).toEqual([
    'plain: succeeded',
    'Grüße, Welt: succeeded',
    'label-1: succeeded',
    'native: succeeded',
    'last: succeeded',
  ]);
  expect(await outcomesIn(server, batches.retried)).toEqual(tasks('retried', Array(5).fill('succeeded')));
  expect(await outcomesIn(server, batches.canceled)).toEqual(
    tasks('canceled', ['succeeded', 'canceled', 'canceled', 'succeeded', 'canceled']),
  );
  const status = await server.ok('batch_status', { batch_id: batches.retried });
  expect(status.parts.map((part: { attempt: number }) => part.attempt)).toEqual([1, 1, 2]);
});

test('follows what an older version sent, and downloads it', async () => {
  const server = await onOlderData();
  await ended(server, batches.unfinished);
  expect(await outcomesIn(server, batches.unfinished)).toEqual(
    tasks('unfinished', Array(4).fill('succeeded')),
  );
});

test('settles and sends what an older version left uncertain', async () => {
  const server = await onOlderData();
  await ended(server, batches.uncertain);
  expect(await outcomesIn(server, batches.uncertain)).toEqual(tasks('uncertain', Array(4).fill('succeeded')));
});

test('retries what an older version sent', long, async () => {
  const server = await onOlderData();
  const retried = await server.ok('retry_batch', { batch_id: batches.canceled });
  expect(retried.attempts.at(-1)).toMatchObject({ attempt: 2, request_count: 3 });
  await ended(server, batches.canceled);
  expect(await outcomesIn(server, batches.canceled)).toEqual(tasks('canceled', Array(5).fill('succeeded')));
});

test('finds the same work again that an older version was given', async () => {
  const server = await onOlderData({ now: () => new Date('2026-11-25T18:00:00Z') });
  const requests = Array.from({ length: 4 }, (_, i) => ({
    task_id: `unfinished ${i + 1}/4`,
    prompt: `Say something about unfinished, ${i + 1}.`,
  }));
  expect(await server.ok('submit_batch', { requests })).toMatchObject({
    batch_id: batches.unfinished,
    duplicate: true,
  });
});
