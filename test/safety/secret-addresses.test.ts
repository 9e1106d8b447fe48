import { readFile } from 'node:fs/promises';
import { createServer, request as requestHttp } from 'node:http';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { follow, prompts, startApi } from '../api.ts';
import { apiError, json } from '../api-server.ts';
import { createDesk, run } from '../cli/run-binary.ts';
import { spawnServer, startServer, temporaryFolder } from '../harness.ts';

/** A gateway that knows its users by a step of the path, as `/<token>/v1/messages`. */
async function startGateway(apiUrl: string): Promise<string> {
  const server = createServer((request, response) => {
    const route = (request.url ?? '').replace(/^\/[^/]+/, '');
    const { method, headers } = request;
    const onward = requestHttp(`${apiUrl}${route}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

const TOKEN = 'token5of6the7path';
const OTHER = 'another8of9the0path';

it('the secret path of a base URL is shown nowhere: by a refusal, a change of it, the log or doctor', async () => {
  const api = await startApi();
  const gateway = await startGateway(api.url);
  const folder = await temporaryFolder();
  const env = {
    BATCH_MCP_LOG_LEVEL: 'debug',
    ANTHROPIC_API_KEY: api.key,
    ANTHROPIC_BASE_URL: `${gateway}/${TOKEN}`,
  };
  const server = await spawnServer({ folder, env });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a']) });
  await follow(server, batch_id, ({ processing_status }) => processing_status === 'in_progress');
  const echo = json(403, apiError('permission_error', `no ${gateway}/${TOKEN}/v1 for you`));
  api.override('retrieve', echo, { times: 3 });
  const refused = JSON.stringify(await server.ok('batch_status', { batch_id }));
  expect(refused).toContain('for you');
  const others = await spawnServer({ folder, env: { ...env, ANTHROPIC_BASE_URL: `${gateway}/${OTHER}` } });
  const changed = JSON.stringify((await others.call('cancel_batch', { batch_id })).text);
  expect(changed).toContain(`another base URL (another path of ${gateway}/…)`);
  const desk = await createDesk(env);
  const { stdout } = await run(desk, ['doctor']);
  expect(stdout).toContain(`${gateway}/…`);
  const audited = await readFile(path.join(folder, 'data', 'audit.jsonl'), 'utf8');
  for (const text of [refused, changed, stdout, audited, server.stderr(), others.stderr()]) {
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain(OTHER);
  }
});

const HOOK = `https://hooks.example.com/T0/${TOKEN}?secret=plainwords`;
const DATABASE = 'postgres://ada:plainwords@db.example.com/batches';

it.each([
  ['a hook in place of a command', [HOOK]],
  ['a database in place of a command', [DATABASE, '--json']],
  ['a hook after a flag that does not exist', ['list', `--notfy=${HOOK}`, '--json']],
  ['a database after a flag that does not exist', ['list', `--stor=${DATABASE}`]],
  ['a hook after the wrong flag', ['list', '--max-cost-usd', HOOK]],
  ['a hook that belongs to no flag of the server', ['serve', HOOK]],
  ['a database with a slash in its password', ['list', '--store', 'postgres://ada:12/plainwords@127.0.0.1']],
])('%s is not quoted', async (_what, args) => {
  const { code, stdout, stderr } = await run(await createDesk(), args);
  expect(code).toBe(2);
  for (const secret of [TOKEN, 'plainwords']) expect(stdout + stderr).not.toContain(secret);
});

it('an address that a caller names as a file is audited without its path', async () => {
  const server = await startServer({ api: await startApi() });
  await server.fails('submit_batch', { requests_file: HOOK });
  const audited = await readFile(path.join(server.data, 'audit.jsonl'), 'utf8');
  expect(audited).toContain('https://hooks.example.com/…');
  expect(audited).not.toContain(TOKEN);
});
