import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { follow, isSaved, prompts, startApi } from '../api.ts';
import { spawnServer, temporaryFolder } from '../harness.ts';
import { startReceiver } from '../receiver.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

/** What a process is started with so that its clock is wrong by so many minutes. */
async function clockOff(minutes: number): Promise<string[]> {
  const file = path.join(await temporaryFolder(), 'clock.mjs');
  await writeFile(
    file,
    `const Right = Date;
    const off = ${minutes * 60_000};
    globalThis.Date = class extends Right {
      constructor(...given) { if (given.length === 0) super(Right.now() + off); else super(...given); }
      static now() { return Right.now() + off; }
    };`,
  );
  return ['--import', file];
}

test.for([10, -10])(
  'an end is told once by servers whose clocks are %d minutes apart, and by another where one is killed over it',
  async (minutes) => {
    const held: ServerResponse[] = [];
    const receiver = await startReceiver((_, response) => void held.push(response));
    onTestFinished(() => receiver.close());
    const api = await startApi({ endsAtOnce: true });
    const address = await server.newDatabase();
    const pool = new pg.Pool({ connectionString: address });
    onTestFinished(() => pool.end());
    const audited = async () => {
      const text = `select entry from batch_mcp.audit where entry like '%"notify"%'`;
      return (await pool.query<{ entry: string }>(text)).rows.map(({ entry }) => JSON.parse(entry));
    };
    const env = { BATCH_MCP_STORE: address, BATCH_MCP_NOTIFY: receiver.url };
    const teller = await spawnServer({ api, env });
    const other = await spawnServer({ api, env, nodeArgs: await clockOff(minutes) });
    const { batch_id } = await teller.ok('submit_batch', { requests: prompts(['a']) });
    await follow(teller, batch_id, isSaved);
    await expect.poll(() => held.length).toBe(1);
    for (let look = 0; look < 5; look += 1) await other.ok('batch_status', { batch_id });
    expect(receiver.received).toHaveLength(1);
    held[0]?.end();
    await expect.poll(audited).toMatchObject([{ outcome: 'done', batch_id }]);

    const { batch_id: second } = await teller.ok('submit_batch', { requests: prompts(['b']) });
    await follow(teller, second, isSaved);
    await expect.poll(() => held.length).toBe(2);
    await teller.kill();
    await follow(other, second, () => held.length === 3);
    held[2]?.end();
    await expect.poll(audited).toMatchObject([{ batch_id }, { outcome: 'done', batch_id: second }]);
    expect(receiver.received).toHaveLength(3);
  },
);
