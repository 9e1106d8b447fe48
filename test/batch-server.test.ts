import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { expect, onTestFinished, test } from 'vitest';
import { createBatchServer } from '../src/index.ts';
import { temporaryFolder } from './harness.ts';

test('a program serves MCP over its own transport, confined as an agent is', async () => {
  const folder = await temporaryFolder();
  const server = await createBatchServer({
    env: { BATCH_MCP_DATA_DIR: path.join(folder, 'data'), BATCH_MCP_WORK_DIR: folder },
    flags: ['--sandbox', '--allow-dir', folder],
  });
  onTestFinished(() => server.close());
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' });
  await Promise.all([server.connect(ours), client.connect(theirs)]);

  expect((await client.listTools()).tools.map(({ name }) => name)).toContain('submit_batch');
  const submit = (args: Record<string, unknown>) =>
    client.callTool({ name: 'submit_batch', arguments: args });
  const submitted = await submit({ requests: [{ task_id: 'a', prompt: 'Hello' }] });
  expect(submitted.structuredContent).toMatchObject({ provider: 'sandbox', request_count: 1 });
  expect(await submit({ requests_file: '/etc/passwd.json' })).toMatchObject({ isError: true });
});
