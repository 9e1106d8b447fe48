import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ids, isSaved, prompts, startApi } from '../api.ts';
import { type Reply, type SpawnedServer, spawnServer } from '../harness.ts';
import { postgresForTests } from './postgres-server.ts';

const database = postgresForTests();

const BATCHES = 40;
const RESTARTS = 5;
/** Longer than all of it takes on a busy machine. */
const PATIENCE_MS = 200_000;

/** Calls until the tool answers, by one server after another, as agents would that are told to try again. */
async function insist(
  servers: readonly SpawnedServer[],
  tool: string,
  args: object,
  isDone: (reply: Reply) => boolean = () => true,
) {
  const start = performance.now();
  for (;;) {
    for (const server of servers) {
      const { isError, reply, text } = await server.call(tool, args);
      if (!isError && isDone(reply)) return reply;
      if (performance.now() - start > PATIENCE_MS) throw new Error(`${tool} never succeeded: ${text}`);
    }
    await sleep(30);
  }
}

test('a database that is killed again and again makes nobody pay twice, and loses no answer', {
  timeout: 2 * PATIENCE_MS,
}, async () => {
  const api = await startApi({ endsAtOnce: true });
  const env = { BATCH_MCP_STORE: await database.newDatabase(), BATCH_MCP_SETTLE_SECONDS: '1' };
  const servers = await Promise.all([1, 2, 3, 4].map(() => spawnServer({ api, env })));
  let isOver = false;
  const killing = (async () => {
    let restarts = 0;
    while (!isOver && restarts < RESTARTS) {
      await sleep(200 + Math.random() * 1_500);
      await database.kill();
      await sleep(Math.random() * 300);
      await database.start();
      restarts += 1;
    }
    return restarts;
  })();

  const works = Array.from({ length: BATCHES }, (_, i) => ({
    requests: prompts(ids(3).map((id) => `work${i}-${id}`)),
  }));
  const done = await Promise.all(
    works.map(async (work, i) => {
      const server = servers[i % servers.length];
      const other = servers[(i + 1) % servers.length];
      if (server === undefined || other === undefined) throw new Error('no server');
      const { batch_id } = await insist([server], 'submit_batch', work);
      // What was begun when the database went is gone on with by the server that began it, the rest by any.
      const { outcomes } = await insist([other, server], 'batch_status', { batch_id }, isSaved);
      return { batch_id, outcomes };
    }),
  );
  isOver = true;
  expect(await killing).toBeGreaterThan(1);

  expect(new Set(done.map(({ batch_id }) => batch_id)).size).toBe(BATCHES);
  for (const { outcomes } of done) expect(outcomes).toMatchObject({ succeeded: 3 });
  const sent = api.creates.flatMap(({ requests }) => requests.map(({ params }) => JSON.stringify(params)));
  expect(new Set(sent).size).toBe(BATCHES * 3);
  expect(sent).toHaveLength(BATCHES * 3);
});
