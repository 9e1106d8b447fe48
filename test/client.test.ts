import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createBatchClient } from '../src/index.ts';
import { startApi } from './api.ts';
import { temporaryFolder } from './harness.ts';

async function open() {
  const api = await startApi({ endsAtOnce: true });
  const folder = await temporaryFolder();
  const env = {
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_WORK_DIR: folder,
    BATCH_MCP_PROVIDER: 'anthropic',
  };
  process.env.ANTHROPIC_API_KEY = api.key;
  process.env.ANTHROPIC_BASE_URL = api.url;
  onTestFinished(() => {
    delete process.env.ANTHROPIC_API_KEY;
    delete process.env.ANTHROPIC_BASE_URL;
  });
  const client = await createBatchClient({ env });
  onTestFinished(() => client.close());
  return { api, client };
}

const work = (text: string) => ({ requests: [{ task_id: 'a', prompt: text }] });

it('submits, follows and reads a batch for a program', async () => {
  const { client } = await open();
  const { batch_id } = await client.submit(work('hello'));
  await client.status(batch_id, { waitSeconds: 5 });
  const { results } = await client.results(batch_id);
  expect(results).toMatchObject([{ task_id: 'a', text: 'answer a' }]);
  expect((await client.list()).totals.batches).toBe(1);
});

it('takes one idempotency key for one submission, whatever the day, and refuses other work under it', async () => {
  const { api, client } = await open();
  const first = await client.submit(work('hello'), { idempotency_key: 'nightly-2026-11-22' });
  const second = await client.submit(work('hello'), { idempotency_key: 'nightly-2026-11-22' });
  expect(second).toMatchObject({ batch_id: first.batch_id, duplicate: true });
  await expect(client.submit(work('other'), { idempotency_key: 'nightly-2026-11-22' })).rejects.toMatchObject(
    {
      code: 'invalid_input',
    },
  );
  const third = await client.submit(work('hello'), { idempotency_key: 'nightly-2026-11-23' });
  expect(third).toMatchObject({ duplicate: false });
  expect(api.creates).toHaveLength(2);
});
