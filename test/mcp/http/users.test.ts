import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ids, prompts, startApi } from '../../api.ts';
import { type Reply, startServer } from '../../harness.ts';
import { followsTasks } from '../modern-client.ts';
import {
  callOf,
  type HttpTestOptions,
  type HttpTestServer,
  modernRequest,
  newUser,
  startHttpServer,
  type User,
} from './http-harness.ts';

const ana = newUser('ana');
const bea = newUser('bea');
const boss = newUser('boss', 'batch:admin');
const requests = prompts(ids(4));

/** Calls a tool for a user and gives the whole result. */
async function call(server: HttpTestServer, user: User, name: string, args: object = {}): Promise<Reply> {
  const { status, text, json } = await server.post(callOf(name, args), user);
  expect(status, text).toBe(200);
  return json.result;
}

async function ok(server: HttpTestServer, user: User, name: string, args: object = {}): Promise<Reply> {
  const result = await call(server, user, name, args);
  expect(result.isError, JSON.stringify(result)).not.toBe(true);
  return result.structuredContent;
}

/** A server, and a batch of Ana's on it that has ended and is saved. */
async function withBatch(options: Omit<HttpTestOptions, 'users'> = {}) {
  const api = await startApi({ endsAtOnce: true });
  const server = await startHttpServer({ api, users: [ana, bea, boss], ...options });
  const { batch_id } = await ok(server, ana, 'submit_batch', { requests, name: 'payroll 2026' });
  const status = () => ok(server, ana, 'batch_status', { batch_id, wait_seconds: 10 });
  await expect.poll(status).toMatchObject({ results_state: 'saved' });
  const msgbatch = api.batches[0]?.id ?? '';
  return { api, server, batch_id, msgbatch };
}

const UNKNOWN = 'batch_01J00000000000000000000000';
const UNKNOWN_MSGBATCH = 'msgbatch_test99999999999999999999';

test('what is another user’s is answered as what is not there', async () => {
  const { api, server, batch_id, msgbatch } = await withBatch();
  const page = await ok(server, ana, 'get_results', { batch_id, limit: 2 });
  const foreign = [
    { meant: batch_id, unknown: UNKNOWN },
    { meant: msgbatch, unknown: UNKNOWN_MSGBATCH },
    { meant: 'payroll 2026', unknown: 'qqqqq 2026' },
    { meant: 'payroll', unknown: 'qqqqq' },
    { meant: batch_id.slice(0, 20), unknown: UNKNOWN.slice(0, 20) },
    { meant: 'latest', unknown: 'recent' },
  ];
  const attempts: { name: string; args: (batch: string) => object }[] = [
    { name: 'batch_status', args: (batch) => ({ batch_id: batch }) },
    { name: 'batch_status', args: (batch) => ({ batch_id: batch, wait_seconds: 1 }) },
    { name: 'get_results', args: (batch) => ({ batch_id: batch }) },
    { name: 'get_results', args: (batch) => ({ batch_id: batch, limit: 2, cursor: page.next_cursor }) },
    { name: 'get_results', args: (batch) => ({ batch_id: batch, group_by: 'model' }) },
    { name: 'get_results', args: (batch) => ({ batch_id: batch, detail: 'full', task_ids: ['t001'] }) },
    { name: 'cancel_batch', args: (batch) => ({ batch_id: batch }) },
    { name: 'retry_batch', args: (batch) => ({ batch_id: batch, replace: true }) },
    { name: 'retry_batch', args: (batch) => ({ batch_id: batch, dry_run: true }) },
    { name: 'retry_batch', args: (batch) => ({ batch_id: batch, model: 'no-such-model' }) },
    { name: 'retry_batch', args: (batch) => ({ batch_id: batch, resolve: 'send_again' }) },
    { name: 'submit_batch', args: (batch) => ({ from_batch: batch, prompt: '{{text}}' }) },
    { name: 'estimate_cost', args: (batch) => ({ from_batch: batch, prompt: '{{text}}' }) },
  ];
  for (const { meant, unknown } of foreign) {
    for (const { name, args } of attempts) {
      const theirs = await call(server, bea, name, args(meant));
      const nobodys = await call(server, bea, name, args(unknown));
      const told = (result: Reply, word: string) => result.content[0].text.replaceAll(word, '…');
      const what = `${name} ${JSON.stringify(args(meant))}`;
      expect(theirs.isError, what).toBe(true);
      expect(told(theirs, meant), what).toBe(told(nobodys, unknown));
      expect(JSON.stringify(theirs), what).not.toContain('t001');
    }
  }
  expect(api.creates).toHaveLength(1);
  expect(await ok(server, ana, 'batch_status', { batch_id })).toMatchObject({ processing_status: 'ended' });
});

test('what is another user’s is in no list, and is no task and no resource', async () => {
  const { server, batch_id } = await withBatch();
  for (const args of [
    {},
    { user: 'all' },
    { user: 'ana' },
    { name_contains: 'payroll' },
    { include_remote: true },
  ]) {
    const listed = await ok(server, bea, 'list_batches', args);
    expect(listed, JSON.stringify(args)).toMatchObject({
      batches: [],
      totals: { batches: 0, actual_usd: 0 },
    });
  }
  const { groups } = await ok(server, bea, 'list_batches', { group_by: ['user', 'month'], user: 'all' });
  expect(groups).toEqual([]);
  const read = (uri: string) => server.post(modernRequest('resources/read', { uri }), bea);
  const task = (taskId: string) => server.post(modernRequest('tasks/get', { taskId }, followsTasks), bea);
  const resources = await server.post(modernRequest('resources/list'), bea);
  expect(resources.text).not.toContain('batch_0');
  for (const [meant, unknown] of [
    [await read(`batch-mcp://batches/${batch_id}`), await read(`batch-mcp://batches/${UNKNOWN}`)],
    [await task(batch_id), await task(UNKNOWN)],
  ]) {
    expect(meant?.json.error).toMatchObject({ code: -32602 });
    expect(meant?.text.replaceAll(batch_id, UNKNOWN).replace(/"id":\d+/, '')).toBe(
      unknown?.text.replace(/"id":\d+/, ''),
    );
  }
  expect(
    (await server.post(modernRequest('tasks/get', { taskId: batch_id }, followsTasks), ana)).json.result
      .status,
  ).toBe('completed');
});

test('the same work of another user is other work: no duplicate, no pilot, no checked work', async () => {
  const { api, server, batch_id } = await withBatch();
  const own = await ok(server, bea, 'submit_batch', { requests });
  expect(own.duplicate).toBe(false);
  expect(own.batch_id).not.toBe(batch_id);
  expect(await ok(server, ana, 'submit_batch', { requests })).toMatchObject({ duplicate: true, batch_id });
  expect(await ok(server, bea, 'submit_batch', { requests })).toMatchObject({
    duplicate: true,
    batch_id: own.batch_id,
  });

  const work = { requests: ids(6), prompt: 'Judge.' };
  const pilot = await ok(server, ana, 'submit_batch', { ...work, max_tasks: 2 });
  const look = () => ok(server, ana, 'batch_status', { batch_id: pilot.batch_id, wait_seconds: 10 });
  await expect.poll(look).toMatchObject({ results_state: 'saved' });
  expect(await ok(server, bea, 'estimate_cost', work)).not.toHaveProperty('reused');
  expect(await ok(server, bea, 'submit_batch', work)).not.toHaveProperty('reused');
  expect(await ok(server, ana, 'estimate_cost', work)).toMatchObject({ reused: { count: 2 } });

  const { work_id } = await ok(server, ana, 'estimate_cost', { requests: ids(3) });
  const stolen = await call(server, bea, 'submit_batch', { work_id });
  expect(stolen).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/^not_found/) }] });
  const before = api.creates.length;
  await ok(server, ana, 'submit_batch', { work_id });
  expect(api.creates).toHaveLength(before + 1);
});

test('what is still being prepared is its submitter’s', async () => {
  const api = await startApi();
  const server = await startHttpServer({ api, users: [ana, bea], callMs: 200 });
  const release = api.hold('count');
  const { batch_id } = await ok(server, ana, 'submit_batch', { requests });
  const look = (user: User) => call(server, user, 'batch_status', { batch_id });
  expect((await look(ana)).structuredContent).toMatchObject({ progress: { stage: 'preparing' } });
  expect((await look(bea)).content[0].text).toMatch(/^not_found: No batch batch_/);
  release();
  await expect.poll(async () => (await look(ana)).structuredContent).toMatchObject({ request_count: 4 });
  expect((await look(bea)).content[0].text).toMatch(/^not_found: No batch batch_/);
});

test('what other programs made on the key is for admins', async () => {
  const { api, server } = await withBatch();
  const outside = await startServer({ api });
  await outside.ok('submit_batch', { requests: ['From elsewhere.'] });
  const id = api.batches.at(-1)?.id ?? '';
  const refused = await call(server, bea, 'batch_status', { batch_id: id });
  expect(refused.content[0].text).toMatch(/^not_found: Neither this computer nor the API knows/);
  expect((await ok(server, bea, 'list_batches', { include_remote: true })).remote).toEqual([]);
  const { remote } = await ok(server, boss, 'list_batches', { include_remote: true });
  expect(remote).toMatchObject([{ batch_id: id }]);
  expect(await ok(server, boss, 'batch_status', { batch_id: id })).toMatchObject({ request_count: 1 });
});

test('an admin, and the owner at a terminal, see all, whose it is, and own ones by default', async () => {
  const { api, server, batch_id } = await withBatch();
  const { batch_id: own } = await ok(server, boss, 'submit_batch', { requests: ['Mine.'] });
  expect((await ok(server, boss, 'list_batches')).batches).toMatchObject([{ batch_id: own, user: 'boss' }]);
  const all = await ok(server, boss, 'list_batches', { user: 'all', group_by: ['user'], limit: 5 });
  expect(all.batches).toMatchObject([{ batch_id: own }, { batch_id, user: 'ana', name: 'payroll 2026' }]);
  expect(all.groups.map(({ group }: Reply) => group).toSorted()).toEqual(['ana', 'boss']);
  expect(await ok(server, boss, 'batch_status', { batch_id: 'last' })).toMatchObject({ batch_id: own });
  expect(await ok(server, boss, 'get_results', { batch_id: 'payroll' })).toMatchObject({ batch_id });
  const owner = await startServer({ api, folder: server.folder });
  const listed = await owner.ok('list_batches', { user: 'ana' });
  expect(listed.batches).toMatchObject([{ batch_id, user: 'ana' }]);
  expect((await owner.ok('list_batches')).batches).toHaveLength(2);
  const audit = await readFile(path.join(server.folder, 'data', 'audit.jsonl'), 'utf8');
  expect(audit).toContain('"tool":"submit_batch","user":"ana"');
});

test('where the owner shares all, users see each other’s batches, and the same work is sent once', async () => {
  const { api, server, batch_id } = await withBatch({ env: { BATCH_MCP_SHARED: 'on' } });
  expect(await ok(server, bea, 'submit_batch', { requests })).toMatchObject({ duplicate: true, batch_id });
  expect(api.creates).toHaveLength(1);
  expect((await ok(server, bea, 'list_batches')).batches).toEqual([]);
  expect((await ok(server, bea, 'list_batches', { user: 'all' })).batches).toMatchObject([
    { batch_id, user: 'ana' },
  ]);
  expect(await ok(server, bea, 'get_results', { batch_id: 'payroll' })).toMatchObject({
    totals: { total: 4 },
  });
});

test('each user has a budget below that for all', async () => {
  const api = await startApi({ endsAtOnce: true });
  const one = { requests: [{ task_id: 'a', prompt: 'Hello.', max_tokens: 12_000 }] };
  const env = { BATCH_MCP_USER_BUDGET_USD: '0.1', BATCH_MCP_DAILY_BUDGET_USD: '0.13' };
  const server = await startHttpServer({ api, users: [ana, bea], env });
  const { cost_usd } = await ok(server, ana, 'estimate_cost', one);
  expect(cost_usd.maximum).toBeGreaterThan(0.05);
  expect(cost_usd.maximum).toBeLessThan(0.08);
  const { batch_id } = await ok(server, ana, 'submit_batch', one);
  const again = { ...one, force_new: true };
  const refused = await call(server, ana, 'submit_batch', again);
  expect(refused.content[0].text).toMatch(/^cost_limit: .*your own daily budget of \$0\.10/);
  const others = await call(server, bea, 'submit_batch', {
    requests: [...one.requests, ...one.requests.map((each) => ({ ...each, task_id: 'b' }))],
  });
  expect(others.content[0].text).toMatch(/^cost_limit: .*the daily budget of/);
  await ok(server, ana, 'batch_status', { batch_id, wait_seconds: 10 });
  // What it did not use is given back, to her and to all.
  await ok(server, ana, 'submit_batch', again);
  expect(api.creates).toHaveLength(2);
});

const files: { name: string; args: object }[] = [
  { name: 'submit_batch', args: { requests_file: 'tasks.jsonl' } },
  { name: 'submit_batch', args: { rows_file: '/etc/passwd', prompt: '{{line}}' } },
  { name: 'submit_batch', args: { input_files: ['**/*'], prompt: '{{text}}' } },
  { name: 'submit_batch', args: { requests, context_files: ['notes.md'] } },
  { name: 'submit_batch', args: { requests, labels: 'labels.txt' } },
  { name: 'submit_batch', args: { requests, output_file: '/tmp/answers.csv' } },
  { name: 'submit_batch', args: { requests, output_pattern: '{{task_id}}.md' } },
  {
    name: 'estimate_cost',
    args: { rows_file: 'rows.csv', join_file: 'more.csv', id_column: 'id', prompt: '{{a}}' },
  },
  { name: 'get_results', args: { batch_id: 'last', output_file: '/tmp/answers.csv' } },
  { name: 'get_results', args: { batch_id: 'last', output_pattern: 'out/{{task_id}}.md' } },
  { name: 'retry_batch', args: { batch_id: 'last', requests_file: 'tasks.jsonl' } },
];

test('arguments that name files are refused, each with what to do', async () => {
  const { api, server } = await withBatch();
  for (const { name, args } of files) {
    const refused = await call(server, ana, name, args);
    expect(refused.content[0].text, JSON.stringify(args)).toMatch(
      /^not_allowed: Files cannot be named over HTTP/,
    );
  }
  expect(api.creates).toHaveLength(1);
});

test('figures for Prometheus are over all, for admins alone, and name nobody and nothing', async () => {
  const { server, batch_id } = await withBatch();
  const ask = (user: User) =>
    server.send({ path: '/metrics', headers: { authorization: `Bearer ${user.token}` } });
  expect((await ask(ana)).status).toBe(403);
  expect((await server.send({ path: '/metrics' })).status).toBe(401);
  const { text, headers } = await ask(boss);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).toContain('# TYPE batch_mcp_batches gauge\nbatch_mcp_batches{status="in_progress"} 0\n');
  expect(text).toContain('batch_mcp_batches{status="ended"} 1\n');
  expect(text).toMatch(/^batch_mcp_api_requests_total\{call="create"\} 1$/m);
  expect(text).toMatch(/^batch_mcp_api_requests_total\{call="look"\} \d/m);
  expect(text).toMatch(/^batch_mcp_spent_usd 0\.\d+$/m);
  for (const line of text.trim().split('\n'))
    expect(line).toMatch(/^(?:# (?:HELP|TYPE) .+|\w+(?:\{\w+="\w+"\})? [\d.e-]+)$/);
  for (const secret of [batch_id, 'payroll', 'ana', 'msgbatch']) expect(text).not.toContain(secret);
});

test('what ails the store is told without where it is, which the log has', async () => {
  const server = await startHttpServer({ users: [ana] });
  await ok(server, ana, 'submit_batch', { requests });
  const batches = path.join(server.folder, 'data', 'batches');
  await rename(batches, `${batches}-away`);
  await writeFile(batches, '');
  for (const [name, args] of [
    ['list_batches', {}],
    ['submit_batch', { requests: ['Another one.'] }],
  ] as const) {
    const { content } = await call(server, ana, name, args);
    expect(content[0].text, name).toMatch(/^store_failed: What the batches are kept in/);
    expect(content[0].text, name).not.toContain(server.folder);
    expect(server.log(), name).toMatch(new RegExp(`warn ${name}: store_failed: .*${batches}`));
  }
});
