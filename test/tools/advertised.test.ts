import { describe, expect, onTestFinished, test } from 'vitest';
import { follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, errored, json, succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { long } from '../long.ts';

async function advertised() {
  const server = await startServer();
  return (await server.client.listTools()).tools;
}

test('the tools are advertised as they always were', async () => {
  expect(await advertised()).toMatchSnapshot();
});

test('the list takes up little of an agent’s context', async () => {
  const tools = await advertised();
  expect(JSON.stringify(tools).length).toBeLessThanOrEqual(20_000);
  const read = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
  expect(JSON.stringify(read).length).toBeLessThanOrEqual(14_000);
});

/** What the first 600 characters of each description have to say, for an agent to choose and call the tool. */
const essentials: Record<string, RegExp[]> = {
  submit_batch: [
    /half the price/,
    /requests_file/,
    /estimate_cost/,
    /batch_id/,
    /batch_status/,
    /end your turn/,
  ],
  batch_status: [/processing_status/, /do not poll/, /wait_seconds/, /get_results/],
  get_results: [/order of the tasks/, /output_file/, /detail/, /failed/, /next_cursor/],
  estimate_cost: [/dry run of submit_batch/, /costs? nothing/i, /half price/, /request_count/],
  cancel_batch: [/not been processed/, /can't be undone/i, /paid/],
  retry_batch: [/same batch_id/, /By default/, /error_types/, /requests/, /dry_run/, /costs? money/i],
  list_batches: [/newest first/, /batch_id/],
};

test("a description's first 600 characters suffice", async () => {
  const tools = await advertised();
  const described = Object.fromEntries(tools.map(({ name, description }) => [name, description ?? '']));
  expect(described).toMatchObject(
    Object.fromEntries(Object.keys(essentials).map((name) => [name, expect.any(String)])),
  );
  for (const [name, patterns] of Object.entries(essentials)) {
    for (const pattern of patterns) expect(described[name]?.slice(0, 600), name).toMatch(pattern);
  }
});

test('the schemas are ones that every client takes', async () => {
  for (const { name, title, annotations, inputSchema, outputSchema } of await advertised()) {
    // Some clients put the server's name before a tool's and take 60 characters in all.
    expect(`batch-mcp_${name}`.length, name).toBeLessThanOrEqual(60);
    expect(title, name).toMatch(/\w/);
    expect(Object.keys(annotations ?? {}).toSorted(), name).toEqual([
      'destructiveHint',
      'idempotentHint',
      'openWorldHint',
      'readOnlyHint',
    ]);
    for (const schema of [inputSchema, outputSchema]) {
      expect(schema, name).toMatchObject({ type: 'object', properties: expect.any(Object) });
      for (const union of ['anyOf', 'oneOf', 'allOf', '$schema'])
        expect(schema, name).not.toHaveProperty(union);
    }
    expect(inputSchema, name).toMatchObject({ additionalProperties: false });
    expect(outputSchema, name).not.toHaveProperty('additionalProperties');
    for (const refused of [
      'exclusiveMinimum',
      'propertyNames',
      '9007199254740991',
      '"additionalProperties":{}',
    ]) {
      expect(JSON.stringify([inputSchema, outputSchema]), name).not.toContain(refused);
    }
    expect(JSON.stringify([inputSchema, outputSchema]), name).not.toMatch(/"type":\[/);
  }
});

/** Where a schema has an object with keys of the caller's own, which OpenAI's strict mode has no words for. */
function openObjects(schema: unknown, at = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, properties, items }: { type?: unknown; properties?: object; items?: unknown } = schema;
  if (type === 'object' && properties === undefined) return [at];
  const named = Object.entries(properties ?? {}).flatMap(([name, each]) => openObjects(each, name));
  return [...named, ...openObjects(items, at)];
}

test('three tools can be had in a strict mode, and docs/clients.md says why the others can not', async () => {
  const open = (await advertised()).map(({ name, inputSchema }) => [name, openObjects(inputSchema)]);
  const work = ['requests', 'input_data', 'output_schema', 'expect', 'variants'];
  expect(Object.fromEntries(open)).toEqual({
    submit_batch: work,
    estimate_cost: work,
    retry_batch: ['requests', 'output_schema'],
    get_results: ['where'],
    batch_status: [],
    cancel_batch: [],
    list_batches: [],
  });
});

test('the output schemas hold what programs branch on, and are short', async () => {
  const all = (await advertised()).map(({ outputSchema }) => JSON.stringify(outputSchema));
  expect(all.join('').length).toBeLessThanOrEqual(6_000);
});

/** Answers when the test's calls are over. */
const late =
  (handler: ApiHandler): ApiHandler =>
  (request, response, pass) => {
    onTestFinished(() => handler(request, response, pass));
  };

/** The states a batch can be in, and how it gets there. */
const states: { status: string; api?: (api: ApiServer) => void; act?: string; sandbox?: boolean }[] = [
  { status: 'in_progress' },
  { status: 'canceling', act: 'cancel_batch' },
  { status: 'ended' },
  { status: 'ended', sandbox: true },
  {
    status: 'not_sent',
    api: (api) => api.override('create', json(400, apiError('invalid_request_error', 'No.'))),
  },
  {
    status: 'submitting',
    api: (api) => api.override('create', late(json(400, apiError('api_error', 'No.')))),
  },
];

describe.each(states)('a batch that is $status', ({ status, api: prepare, act, sandbox = false }) => {
  test(
    'is told of by every tool as its schema says, in text and structure alike',
    status === 'submitting' ? long : {},
    async () => {
      const api = await startApi({
        results: ([first, second]) =>
          first && second ? [errored(second, 'api_error', 'Oh.'), succeeded(first, 'Fine.')] : [],
      });
      const server = await startCheckedServer({
        api,
        limits: status === 'submitting' ? { callMs: 300 } : {},
      });
      prepare?.(api);
      const submitted = await server.call('submit_batch', { requests: prompts(ids(2)), sandbox });
      const { batch_id } = submitted.reply;
      if (!sandbox) await expect.poll(() => api.creates.length).toBe(1);
      if (status === 'ended') api.endAll();
      if (act) await server.ok(act, { batch_id });
      const answers = [
        submitted,
        await server.call('batch_status', { batch_id, wait_seconds: status === 'ended' ? 1 : 0 }),
        await server.call('get_results', { batch_id, detail: 'full' }),
        await server.call('get_results', { batch_id, detail: 'summary' }),
        await server.call('list_batches'),
      ];
      for (const { isError, text, reply } of answers) {
        expect(isError, text).toBe(false);
        expect(JSON.parse(text)).toEqual(reply);
        expect(reply.next_step).toMatch(/\w/);
      }
      expect(answers[1]?.reply.processing_status).toBe(status);
    },
  );
});

test('an estimate is as its schema says', async () => {
  const server = await startCheckedServer({ api: await startApi() });
  await server.ok('estimate_cost', { requests: prompts(ids(2)) });
  await server.ok('estimate_cost', {
    request_count: 10,
    input_tokens_per_request: 5,
    output_tokens_per_request: 5,
  });
});

test('a status reply is short', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const work = { requests: prompts(ids(200)), name: 'Tickets of November', output_file: 'tickets.csv' };
  const { batch_id } = await server.ok('submit_batch', work);
  expect((await server.call('batch_status', { batch_id })).text.length).toBeLessThanOrEqual(1_500);
  api.endAll();
  const ended = await server.call('batch_status', { batch_id, wait_seconds: 20 });
  expect(ended.reply.output_files).toHaveLength(1);
  expect(ended.text.length).toBeLessThanOrEqual(1_500);
  const sandbox = await server.ok('submit_batch', { ...work, output_file: 'made-up.csv', sandbox: true });
  await follow(server, sandbox.batch_id);
  const made = await server.call('batch_status', { batch_id: sandbox.batch_id });
  expect(made.text.length).toBeLessThanOrEqual(1_500);
});
