import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ids, prompts, startApi } from '../api.ts';
import { type Reply, settingsFor, spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';
import { followsTasks, type ModernServer, startModernServer } from './modern-client.ts';

const requests = prompts(ids(3));

/** A batch that runs at a stand-in for the API, submitted by a client that follows tasks. */
async function running() {
  const api = await startApi();
  const server = await startModernServer({ api });
  const submitted = await server.call('submit_batch', { requests }, followsTasks);
  const { batch_id, next_step } = submitted.structuredContent;
  return { api, server, batch_id, next_step };
}

function follow(server: ModernServer, batch_id: string): Promise<Reply> {
  return server.call('batch_status', { batch_id, wait_seconds: 3600 }, followsTasks);
}

async function taskOf(server: ModernServer, taskId: string): Promise<Reply> {
  const { result, error } = await server.ask('tasks/get', { taskId }, followsTasks);
  if (error) throw new Error(JSON.stringify(error));
  return result;
}

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

test('a batch is followed as a task, over a kill, by a new process, to its ordinary reply', async () => {
  const { api, server, batch_id, next_step } = await running();
  expect(next_step).toContain('wait_seconds 90000');

  const working = {
    taskId: batch_id,
    status: 'working',
    statusMessage: expect.stringMatching(/^0 of 3, [\d.]+ dollars expected$/),
    createdAt: expect.stringMatching(TIME),
    lastUpdatedAt: expect.stringMatching(TIME),
    ttlMs: null,
    pollIntervalMs: 10_000,
  };
  const task = await follow(server, batch_id);
  expect(task).toMatchObject({ ...working, resultType: 'task' });
  expect(task).not.toHaveProperty('content');
  expect(await taskOf(server, batch_id)).toMatchObject({ ...working, resultType: 'complete' });

  server.kill('SIGKILL');
  await server.ended;
  const later = await startModernServer({ folder: server.folder, api });
  expect(await taskOf(later, batch_id)).toMatchObject(working);

  api.endAll();
  await expect.poll(async () => (await taskOf(later, batch_id)).status).toBe('completed');
  const { result, ...ended } = await taskOf(later, batch_id);
  const ordinary = await later.call('batch_status', { batch_id });
  expect(ended).toMatchObject({ ...working, status: 'completed', statusMessage: expect.any(String) });
  expect(ended.statusMessage).toMatch(/^3 of 3, [\d.]+ dollars$/);
  expect(result).toMatchObject({ resultType: 'complete', content: ordinary.content });
  expect(result.structuredContent).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
  // What has ended is no task any more.
  expect(await follow(later, batch_id)).toMatchObject({ resultType: 'complete', content: ordinary.content });
});

test('a task is older than two minutes: a minute between looks', long, async () => {
  const api = await startApi();
  const earlier = await startServer({ api, now: () => new Date(Date.now() - 3 * 60_000) });
  const { batch_id } = await earlier.ok('submit_batch', { requests });
  const server = await startModernServer({ folder: earlier.folder, api });
  expect(await taskOf(server, batch_id)).toMatchObject({ status: 'working', pollIntervalMs: 60_000 });
  const madeUp = await earlier.ok('submit_batch', { requests, sandbox: true });
  expect((await taskOf(server, madeUp.batch_id)).statusMessage).toMatch(/^\d of 3, of the sandbox$/);
});

test('to cancel a task ends the following, not the batch', async () => {
  const { api, server, batch_id } = await running();
  await follow(server, batch_id);
  expect((await server.ask('tasks/cancel', { taskId: batch_id }, followsTasks)).result).toMatchObject({
    resultType: 'complete',
  });
  const update = { taskId: batch_id, inputResponses: {} };
  expect((await server.ask('tasks/update', update, followsTasks)).result).toMatchObject({
    resultType: 'complete',
  });
  expect(await taskOf(server, batch_id)).toMatchObject({ status: 'working' });
  expect(api.requests.filter(({ path }) => path.includes('/cancel'))).toEqual([]);
});

describe('what is followed and what is not', () => {
  const asked: { name: string; args: (batch_id: string) => unknown; isTask: boolean }[] = [
    { name: '21 seconds', args: (batch_id) => ({ batch_id, wait_seconds: 21 }), isTask: true },
    { name: 'seconds in a text', args: (batch_id) => ({ batch_id, wait_seconds: '600' }), isTask: true },
    {
      name: 'arguments as JSON',
      args: (batch_id) => JSON.stringify({ batch_id, wait_seconds: 600 }),
      isTask: true,
    },
    { name: 'the last batch', args: () => ({ batch_id: 'last', wait_seconds: 600 }), isTask: true },
    { name: 'no wait', args: (batch_id) => ({ batch_id }), isTask: false },
    { name: 'null', args: (batch_id) => ({ batch_id, wait_seconds: null }), isTask: false },
    { name: 'a short wait', args: (batch_id) => ({ batch_id, wait_seconds: 0.1 }), isTask: false },
    { name: 'no batch', args: () => ({ wait_seconds: 600 }), isTask: false },
  ];
  test('by what is asked', async () => {
    const { server, batch_id } = await running();
    for (const { name, args, isTask } of asked) {
      const params = { name: 'batch_status', arguments: args(batch_id) };
      const { result } = await server.ask('tools/call', params, followsTasks);
      expect(result.resultType, name).toBe(isTask ? 'task' : 'complete');
      if (isTask) expect(result.taskId, name).toBe(batch_id);
    }
  });

  test('a client that follows none waits in the call, and is told so', long, async () => {
    const api = await startApi();
    const server = await startServer({ api, limits: { callMs: 500 } });
    const { batch_id } = await server.ok('submit_batch', { requests });
    const { warnings } = await server.ok('batch_status', { batch_id, wait_seconds: 3600 });
    expect(warnings.join(' ')).toMatch(/wait_seconds is 20 here, not 3600/);
    expect(
      (await server.ok('batch_status', { batch_id, wait_seconds: 20 })).warnings.join(' '),
    ).not.toContain('wait_seconds');
  });

  test('what no waiting changes ends the following: a key that is not there', long, async () => {
    const { server, batch_id } = await running();
    const keyless = await startModernServer({ folder: server.folder });
    const { result, status } = await taskOf(keyless, batch_id);
    expect(status).toBe('completed');
    expect(result.isError).toBe(true);
    expect(result.content[0].text).toContain('ANTHROPIC_API_KEY');
  });
});

describe('what is no task', () => {
  const ids = [undefined, null, 7, '', 'last', 'batch_', 'batch_01J00000000000000000000000', '../batches'];
  eachNthOf(3, ['tasks/get', 'tasks/cancel', 'tasks/update'])('%s says so', async (method) => {
    const server = await startModernServer();
    for (const taskId of ids) {
      const { error } = await server.ask(method, { taskId }, followsTasks);
      expect(error, String(taskId)).toMatchObject({ code: -32602 });
    }
  });

  test.each(['tasks/get', 'tasks/cancel', 'tasks/update'])(
    '%s of a client that follows none: it is told what to declare',
    long,
    async (method) => {
      const { server, batch_id } = await running();
      for (const capabilities of [
        {},
        { extensions: {} },
        { extensions: { other: {} } },
        { elicitation: {} },
      ]) {
        const { error } = await server.ask(method, { taskId: batch_id }, capabilities);
        expect(error).toMatchObject({ code: -32021, data: { requiredCapabilities: followsTasks } });
      }
    },
  );

  test('the old era knows none', long, async () => {
    const server = await spawnServer();
    expect(server.client.getServerCapabilities()).not.toHaveProperty('extensions');
    const modern = await startModernServer();
    expect((await modern.ask('server/discover')).result.capabilities.extensions).toEqual({
      'io.modelcontextprotocol/tasks': {},
    });
  });
});

test('a client that follows no tasks is given the command that waits, by absolute paths', long, async () => {
  const api = await startApi();
  const folder = `${await temporaryFolder()}/with a space`;
  const server = await spawnServer({ api, folder });
  const { next_step, batch_id } = await server.ok('submit_batch', { requests });
  const [, command = ''] = /: (\S*node\S* .*) \. Then/.exec(next_step) ?? [];
  expect(command).toContain(` wait ${batch_id} `);
  const waited = promisify(exec)(command, {
    env: { ...settingsFor(api), PATH: process.env.PATH, BATCH_MCP_PROVIDER: 'anthropic' },
  });
  api.endAll();
  expect((await waited).stdout).toMatch(/Succeeded: +3/);
});
