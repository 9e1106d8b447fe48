import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AnthropicBatchProvider, BatchProcessingWorkflow, createBatchClient } from '../src/index.ts';
import { type ApiRoute, startApiServer } from './api-server.ts';
import { temporaryFolder } from './harness.ts';

type Faces = 'workflow' | 'provider' | 'client';

async function open({ endsAtOnce = true } = {}) {
  const api = await startApiServer({ endsAtOnce });
  const folder = await temporaryFolder();
  const options = {
    apiKey: api.key,
    env: { BATCH_MCP_DATA_DIR: path.join(folder, 'data'), ANTHROPIC_BASE_URL: api.url },
  };
  const made = {
    workflow: new BatchProcessingWorkflow(options),
    provider: new AnthropicBatchProvider(options),
    client: await createBatchClient(options),
  } satisfies Record<Faces, unknown>;
  onTestFinished(async () => {
    await Promise.all(Object.values(made).map((face) => face.close()));
    await api.close();
  });
  return { api, folder, ...made };
}

const request = (custom_id: string) => ({
  custom_id,
  params: { model: 'claude-haiku-5-5', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] },
});

test('the key given to the library is the one that is sent, not that of the environment', async () => {
  const { api, provider } = await open();
  await provider.createBatch([request('a')]);
  expect(api.creates).toHaveLength(1);
});

test('native results come in the order of the requests', async () => {
  const { provider } = await open();
  const ids = ['c', 'a', 'b'];
  const batchId = await provider.createBatch(ids.map(request));
  const results = await provider.waitForBatch(batchId);
  expect(results.map(({ custom_id }) => custom_id)).toEqual(ids);
  expect(results.map(({ result }) => result.type)).toEqual(['succeeded', 'succeeded', 'succeeded']);
});

test('results of a batch that runs are refused, and a wait that is over says that nothing is lost', async () => {
  const { provider } = await open({ endsAtOnce: false });
  const batchId = await provider.createBatch([request('a')]);
  expect((await provider.getBatchStatus(batchId)).processing_status).toBe('in_progress');
  await expect(provider.getBatchResults(batchId)).rejects.toMatchObject({ code: 'wrong_state' });
  await expect(provider.waitForBatch(batchId, { timeout: 0.2 })).rejects.toThrow('Nothing is lost');
  expect((await provider.cancelBatch(batchId)).processing_status).toMatch(/canceling|ended/);
});

test('the same requests executed again follow the batch that exists', async () => {
  const { api, workflow } = await open();
  const requests = [{ task_id: 'a', prompt: 'Hello' }];
  const first = await workflow.executeBatch(requests);
  expect(await workflow.executeBatch(requests)).toEqual(first);
  expect(first).toMatchObject([{ task_id: 'a', success: true, outcome: 'succeeded' }]);
  expect(api.creates).toHaveLength(1);
});

const tasks = [{ task_id: 'a', prompt: 'Hello' }];

describe('a job that is given up', () => {
  /** What is held at the API where it is, when it has come there, and whether there is a batch that goes on. */
  const stages: [stage: string, held: ApiRoute | null, says: RegExp, batches: number][] = [
    ['before anything is done', null, /Nothing was sent or paid/, 0],
    ['while it is sent', 'create', /has not ended: it is \w+\. Nothing is lost/, 1],
    ['while it runs', 'retrieve', /has not ended: it is \w+\. Nothing is lost/, 1],
    [
      'while its results come in',
      'results',
      /not all of its results are downloaded yet\. Nothing is lost/,
      1,
    ],
  ];
  test.each(stages)('%s, fails and says what goes on', async (_stage, held, says, batches) => {
    const { api, client, workflow } = await open({ endsAtOnce: held === 'results' });
    const abort = new AbortController();
    const answer = held === null ? abort.abort() : api.hold(held);
    const executed = workflow.executeBatch(tasks, { signal: abort.signal, pollInterval: 0.1 });
    const failure = expect(executed).rejects.toMatchObject({
      code: 'wrong_state',
      message: expect.stringMatching(says),
    });
    if (held !== null) await vi.waitFor(() => expect(api.asked(held)).toBe(1), 20_000);
    abort.abort();
    await failure;
    answer?.();
    expect((await client.list()).totals.batches).toBe(batches);
    const again = workflow.executeBatch(tasks, { pollInterval: 0.1 });
    await vi.waitFor(() => expect(api.creates).toHaveLength(1), 20_000);
    api.endAll();
    const results = await again;
    expect(results).toMatchObject([{ task_id: 'a', success: true }]);
    expect(api.creates).toHaveLength(1);
  });
});

test('what has ended and is not downloaded yet is waited for, and never told as missing or pending', async () => {
  const { api, provider, workflow } = await open();
  const answer = api.hold('results');
  await expect(workflow.executeBatch(tasks, { timeout: 0.5, pollInterval: 0.1 })).rejects.toThrow(
    /results are downloaded|has not ended/,
  );
  answer();
  const batchId = await provider.createBatch([request('n')]);
  const slowly = api.hold('results');
  const results = provider.getBatchResults(batchId);
  // Longer than a look waits for it.
  setTimeout(slowly, 1_500);
  expect(await results).toMatchObject([{ custom_id: 'n', result: { type: 'succeeded' } }]);
});

test.each([
  ['no JSON', '{', /is not a JSON file/],
  ['an object', '{"task_id":"a"}', /is not a list of tasks/],
  ['a task without its id', '[{"prompt":"x"}]', /is not a list of tasks/],
  ['a number for a task', '[5]', /is not a list of tasks/],
])('a file with %s is refused', async (_name, text, message) => {
  const { folder, workflow } = await open();
  const file = path.join(folder, 'tasks.json');
  await writeFile(file, text);
  const failure = workflow.loadRequestsFromFile(file);
  await expect(failure).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(failure).rejects.toThrow(message);
  await expect(failure).rejects.not.toMatchObject({
    problems: expect.arrayContaining([
      expect.objectContaining({ valid: expect.stringContaining('Invalid input') }),
    ]),
  });
});

/** A value of any type, as a program without types gives one. */
const untyped = (value: unknown): ReturnType<typeof JSON.parse> => value;

test.each<[options: object, field: string]>([
  [{ timeout: 0 }, 'timeout'],
  [{ timeout: '1h' }, 'timeout'],
  [{ pollInterval: -5 }, 'poll_interval'],
  [{ pollInterval: Number.NaN }, 'poll_interval'],
  [{ signal: 'stop' }, 'signal'],
  [{ timeOut: 60 }, 'timeOut'],
])('a job with %j is refused before it is sent, and not once it is paid', async (options, field) => {
  const { api, workflow } = await open();
  const failure = workflow.executeBatch(tasks, untyped(options));
  await expect(failure).rejects.toMatchObject({ code: 'invalid_input', problems: [{ field }] });
  expect(api.creates).toEqual([]);
});

test('what is no list of tasks, no path and no results is refused in words', async () => {
  const { api, folder, workflow } = await open();
  const file = path.join(folder, 'out.json');
  const refused: [call: () => Promise<unknown>, error: object][] = [
    [
      () => workflow.executeBatch(untyped('tasks.json')),
      { problems: [{ field: 'requests', valid: 'a list' }] },
    ],
    [() => workflow.executeBatch(untyped(undefined)), { problems: [{ field: 'requests' }] }],
    [() => workflow.executeBatch(tasks, untyped(300)), { problems: [{ field: 'options' }] }],
    [
      () => workflow.loadRequestsFromFile(untyped(undefined)),
      { problems: [{ field: 'file', problem: 'is missing' }] },
    ],
    [() => workflow.loadRequestsFromFile(file), { code: 'not_found' }],
    [() => workflow.saveResultsToFile(untyped(undefined), file), { problems: [{ field: 'results' }] }],
    [() => workflow.saveResultsToFile([], path.join(folder, 'none', 'out.json')), { code: 'not_found' }],
  ];
  for (const [call, error] of refused)
    await expect(call()).rejects.toMatchObject({ name: 'BatchError', ...error });
  await expect(readFile(file)).rejects.toThrow('ENOENT');
  expect(api.creates).toEqual([]);
});

test('results are saved and tasks loaded as they are', async () => {
  const { folder, workflow } = await open();
  const file = path.join(folder, 'tasks.json');
  await writeFile(file, `\uFEFF${JSON.stringify([{ task_id: 'a', prompt: 'Hello', max_tokens: 5 }])}`);
  const requests = await workflow.loadRequestsFromFile(file);
  expect(requests).toEqual([{ task_id: 'a', prompt: 'Hello', max_tokens: 5 }]);
  const results = await workflow.executeBatch(requests);
  await workflow.saveResultsToFile(results, path.join(folder, 'out.json'));
  expect(JSON.parse(await readFile(path.join(folder, 'out.json'), 'utf8'))).toEqual(results);
});

test('numbers of a file of tasks are sent as they stand there, unless the program changes the task', async () => {
  const { api, folder, workflow } = await open();
  const file = path.join(folder, 'tasks.json');
  const task = (id: string) =>
    `{"task_id":"${id}","prompt":"{{n}} at {{p}}","input_data":{"n":12345678901234567890,"p":0.10}}`;
  await writeFile(file, `[${task('kept')},${task('changed')}]`);
  const requests = await workflow.loadRequestsFromFile(file);
  expect(requests[0]?.input_data).toEqual({ n: 12345678901234567000, p: 0.1 });
  if (requests[1]) requests[1].input_data = { n: 1, p: 2 };
  await workflow.executeBatch(requests);
  const sent = JSON.stringify(api.creates[0]);
  expect(sent).toContain('12345678901234567890 at 0.10');
  expect(sent).toContain('1 at 2');
});
