import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { builtServer, temporaryFolder } from '../harness.ts';
import { long } from '../long.ts';
import { scriptOf } from '../programs.ts';

/** What the Inspector's command line prints of one request to the built server. */
async function inspect(...request: string[]): Promise<unknown> {
  const home = await temporaryFolder();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      await scriptOf('@modelcontextprotocol/inspector', 'mcp-inspector'),
      '--cli',
      process.execPath,
      builtServer,
      ...request,
    ],
    {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, BATCH_MCP_DATA_DIR: path.join(home, 'data') },
    },
  );
  return JSON.parse(stdout);
}

test("Inspector's command line lists the tools and calls one", long, async () => {
  const [listed, called] = await Promise.all([
    inspect('--method', 'tools/list'),
    inspect('--method', 'tools/call', '--tool-name', 'list_batches', '--tool-arg', 'limit=5'),
  ]);
  expect(listed).toMatchObject({
    tools: expect.arrayContaining([
      expect.objectContaining({ name: 'submit_batch' }),
      expect.objectContaining({ name: 'get_results' }),
    ]),
  });
  expect(called).toMatchObject({ structuredContent: { batches: [], totals: { batches: 0 } } });
});
