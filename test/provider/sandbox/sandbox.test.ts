import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Provider } from '../../../src/provider/provider.ts';
import { createSandboxProvider } from '../../../src/provider/sandbox/sandbox-provider.ts';
import { startSandboxServer } from '../../../src/provider/sandbox/server.ts';
import { eachNth, long } from '../../long.ts';
import { mostHeldDuring } from '../../memory.ts';
import { bodyFile, download, failure } from '../calls.ts';
import { behindFaults, type Fault, type RouteFault } from './faulty-server.ts';

let folder: string;
let open: { close(): Promise<void> }[];
const log = () => {};

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'batch-mcp-'));
  open = [];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.map((one) => one.close()));
  await rm(folder, { recursive: true });
});

function sandbox(seconds = 0, faults: Fault[] = []): Provider {
  const start = faults.length > 0 && { start: behindFaults(faults) };
  const provider = createSandboxProvider({ folder: path.join(folder, 'sandbox'), seconds, log, ...start });
  open.push(provider);
  return provider;
}

const params = { model: 'claude-haiku-5-5', max_tokens: 500, messages: [{ role: 'user', content: 'Hello' }] };
const tasks = (count: number, extra: object = {}) =>
  Array.from({ length: count }, (_, index) => ({ custom_id: `t${index}`, params: { ...params, ...extra } }));

/** A body as a file, as the store has it. */
const bodyToSend = (content: unknown) => bodyFile(folder, content);

async function submit(provider: Provider, requests: unknown) {
  return provider.createBatch(await bodyToSend({ requests }), 20_000);
}

const resultLine = z.object({
  custom_id: z.string(),
  result: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('succeeded'),
      message: z.object({
        id: z.string(),
        model: z.string(),
        role: z.literal('assistant'),
        content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
        stop_reason: z.enum(['end_turn', 'max_tokens', 'tool_use']),
        stop_sequence: z.null(),
        usage: z.looseObject({
          input_tokens: z.int().positive(),
          output_tokens: z.int().positive(),
          output_tokens_details: z.object({ thinking_tokens: z.int().positive() }).optional(),
          service_tier: z.literal('batch'),
        }),
      }),
    }),
    z.object({
      type: z.literal('errored'),
      error: z.object({
        type: z.literal('error'),
        error: z.object({ type: z.literal('invalid_request_error'), message: z.string() }),
        request_id: z.null(),
      }),
    }),
    z.strictObject({ type: z.literal('canceled') }),
  ]),
});

async function results(provider: Provider, id: string) {
  const lines = (await download(provider, id)).trimEnd().split('\n');
  return lines.map((line) => resultLine.parse(JSON.parse(line)));
}

async function onlyMessage(provider: Provider, extra: object) {
  const { id } = await submit(provider, tasks(1, extra));
  const result = (await results(provider, id))[0]?.result;
  if (result?.type !== 'succeeded') throw new Error(`expected an answer, got ${result?.type}`);
  return result.message;
}

describe('the life of a batch', () => {
  it('is in progress, then ended with counts and results', async () => {
    const provider = sandbox(3);
    const made = await submit(provider, tasks(30));
    expect(made.id).toMatch(/^msgbatch_sandbox_[0-9A-Z]{26}$/);
    expect(made).toMatchObject({ processing_status: 'in_progress', ended_at: null });
    expect(made.request_counts).toEqual({
      processing: 30,
      succeeded: 0,
      errored: 0,
      canceled: 0,
      expired: 0,
    });
    expect((await failure(download(provider, made.id))).code).toBe('api_not_found');
    await expect.poll(async () => (await provider.retrieveBatch(made.id)).processing_status).toBe('ended');
    const ended = await provider.retrieveBatch(made.id);
    expect(ended.request_counts).toEqual({
      processing: 0,
      succeeded: 30,
      errored: 0,
      canceled: 0,
      expired: 0,
    });
    const lines = await results(provider, made.id);
    const ids = tasks(30).map(({ custom_id }) => custom_id);
    expect(lines.map(({ custom_id }) => custom_id).toSorted()).toEqual(ids.toSorted());
    expect(lines.map(({ custom_id }) => custom_id)).not.toEqual(ids);
    expect(await download(provider, made.id)).toBe(await download(provider, made.id));
  });

  it('canceled, ends with what had finished', async () => {
    const provider = sandbox(100);
    const { id, created_at } = await submit(provider, tasks(1000));
    // One of them finishes every 0.1 seconds.
    await sleep(500);
    const canceled = await provider.cancelBatch(id);
    expect(canceled.processing_status).toBe('canceling');
    await expect.poll(async () => (await provider.retrieveBatch(id)).processing_status).toBe('ended');
    const { request_counts: counts } = await provider.retrieveBatch(id);
    const lasted = Date.parse(canceled.cancel_initiated_at ?? '') - Date.parse(created_at);
    expect(counts).toMatchObject({ succeeded: Math.floor(lasted / 100), errored: 0, processing: 0 });
    expect(counts.succeeded).toBeGreaterThanOrEqual(5);
    expect(counts.succeeded + counts.canceled).toBe(1000);
    const types = (await results(provider, id)).map(({ result }) => result.type);
    expect(types.filter((type) => type === 'canceled')).toHaveLength(counts.canceled);
    expect((await failure(provider.cancelBatch(id))).code).toBe('api_refused');
  });

  it('is seen by every process on the data folder, and lists newest first', async () => {
    const [one, other] = [sandbox(), sandbox()];
    const first = await submit(one, tasks(1));
    const second = await submit(other, tasks(2));
    const page = await other.listBatches({ limit: 1 });
    expect(page).toMatchObject({ has_more: true, last_id: second.id, batches: [{ id: second.id }] });
    const older = await one.listBatches({ limit: 1, after_id: second.id });
    expect(older).toMatchObject({ has_more: false, batches: [{ id: first.id }] });
    await one.close();
    expect(await results(other, first.id)).toHaveLength(1);
    expect((await failure(other.listBatches({ limit: 1001 }))).code).toBe('api_refused');
  });

  it('survives the process that made it', long, async () => {
    const { bytes } = await bodyToSend({ requests: tasks(3) });
    const file = path.join(folder, 'body.json');
    const source = new URL('../../../src/provider/sandbox/sandbox-provider.ts', import.meta.url).href;
    const program = `
      const { createSandboxProvider } = await import(${JSON.stringify(source)});
      const provider = createSandboxProvider({ folder: ${JSON.stringify(path.join(folder, 'sandbox'))}, seconds: 0, log() {} });
      const { createReadStream } = await import('node:fs');
      const body = { bytes: ${bytes}, open: () => createReadStream(${JSON.stringify(file)}) };
      const { id } = await provider.createBatch(body, 20000);
      process.stdout.write(id + '\\n');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    const id = await firstLine(child);
    child.kill('SIGKILL');
    expect(await results(sandbox(), id)).toHaveLength(3);
  });

  it('does not keep its process alive', long, async () => {
    const source = new URL('../../../src/provider/sandbox/sandbox-provider.ts', import.meta.url).href;
    const program = `
      const { createSandboxProvider } = await import(${JSON.stringify(source)});
      const provider = createSandboxProvider({ folder: ${JSON.stringify(path.join(folder, 'sandbox'))}, seconds: 0, log() {} });
      await provider.listBatches({ limit: 1 });`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(0);
  });
});

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const chunk of child.stdout ?? []) return String(chunk).trim();
  throw new Error('the child wrote nothing');
}

describe('creating', () => {
  const [task] = tasks(1);
  eachNth(2, [
    ['no JSON', '{"requests": [', 400],
    ['no list', {}, 400],
    ['another field', { requests: [task], more: 1 }, 400],
    ['a list in another field', { other: [task] }, 400],
    ['the list twice', `{"requests":[${JSON.stringify(task)}],"requests":[]}`, 400],
    ['a bare list', [task], 400],
    ['an empty list', { requests: [] }, 400],
    ['a request that is no JSON', '{"requests": [{]}', 400],
    ['a hole in the list', `{"requests": [${JSON.stringify(task)},,]}`, 400],
    ['an illegal custom_id', { requests: [{ ...task, custom_id: 'a b' }] }, 400],
    ['a missing custom_id', { requests: [{ params }] }, 400],
    ['a custom_id twice', { requests: [task, task] }, 400],
    ['no params', { requests: [{ custom_id: 'a' }] }, 400],
    [
      'too many',
      { requests: Array.from({ length: 100_001 }, (_, n) => ({ custom_id: `${n}`, params: {} })) },
      400,
    ],
  ])('refuses %s', async (_name, content, status) => {
    const provider = sandbox();
    const error = await failure(provider.createBatch(await bodyToSend(content), 20_000));
    expect(error).toMatchObject({ code: 'api_refused', api: { status } });
    expect((await provider.listBatches({ limit: 10 })).batches).toEqual([]);
    expect(await readdir(path.join(folder, 'sandbox'))).toEqual([]);
  });

  it('takes a body as any writer may write it', async () => {
    const tricky = { ...params, messages: [{ role: 'user', content: '"},{]"\\ , [ é 🙂 \u2028' }] };
    const text = JSON.stringify({ requests: [{ params: tricky, custom_id: 'x' }, ...tasks(2)] }, null, 2);
    const provider = sandbox();
    const { id } = await provider.createBatch(await bodyToSend(`\n ${text}\n`), 20_000);
    expect((await results(provider, id)).map(({ custom_id }) => custom_id).toSorted()).toEqual([
      't0',
      't1',
      'x',
    ]);
  });
});

describe('answers', () => {
  eachNth(3, [
    [{ model: undefined }, 'model: Field required'],
    [{ messages: [] }, 'messages: at least one message is required'],
    [{ messages: [{ role: 'robot', content: 'x' }] }, "messages.0.role: Input should be 'user'"],
    [{ max_tokens: 0 }, 'max_tokens: Input should be greater than or equal to 1'],
    [{ max_tokens: undefined }, 'max_tokens: Field required'],
    [{ temperature: 0.5 }, 'temperature: Extra inputs are not permitted'],
    [{ top_p: 1 }, 'top_p'],
    [{ top_k: 1 }, 'top_k'],
    [{ stream: true }, 'stream'],
  ])('params %o are refused while processing', async (extra, message) => {
    const provider = sandbox();
    const { id } = await submit(provider, [...tasks(1, extra), { custom_id: 'fine', params }]);
    const byId = Object.fromEntries(
      (await results(provider, id)).map((line) => [line.custom_id, line.result]),
    );
    expect(byId.t0).toMatchObject({
      type: 'errored',
      error: { error: { message: expect.stringContaining(message) } },
    });
    expect(byId.fine?.type).toBe('succeeded');
    expect((await provider.retrieveBatch(id)).request_counts).toMatchObject({ succeeded: 1, errored: 1 });
  });

  it('are marked as made up, with plausible usage', async () => {
    const message = await onlyMessage(sandbox(), { system: 'x'.repeat(4000) });
    expect(message.content[0]?.text).toMatch(/^\[sandbox\] Made-up answer/);
    expect(message).toMatchObject({
      model: params.model,
      stop_reason: 'end_turn',
      usage: { input_tokens: expect.toSatisfy((tokens: number) => tokens > 500 && tokens < 2000) },
    });
  });

  it('are cut at max_tokens', async () => {
    const message = await onlyMessage(sandbox(), { max_tokens: 5 });
    expect(message).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 5 } });
    expect(message.content[0]?.text).toHaveLength(20);
  });

  const city = { type: 'object', properties: { city: { enum: ['Bern'] } }, required: ['city'] };
  const [a, b] = [
    { name: 'a', input_schema: city },
    { name: 'b', input_schema: { ...city, properties: { city: { enum: ['Oslo'] } } } },
  ];
  const shell = { type: 'bash_20250124', name: 'bash' };
  const search = { type: 'web_search_20250305', name: 'web_search' };
  const called = (name: string, input: object) => ({ type: 'tool_use', name, input });
  type Call = [what: string, extra: object, call: object | null, stop_reason?: string];
  it.each<Call>([
    ['any', { tools: [a, b], tool_choice: { type: 'any' } }, called('a', { city: 'Bern' })],
    [
      'any, not before a schema',
      { tools: [shell, b], tool_choice: { type: 'any' } },
      called('b', { city: 'Oslo' }),
    ],
    ['any, without a schema', { tools: [search, shell], tool_choice: { type: 'any' } }, called('bash', {})],
    [
      'that of a name',
      { tools: [a, b], tool_choice: { type: 'tool', name: 'b' } },
      called('b', { city: 'Oslo' }),
    ],
    [
      'one without a schema',
      { tools: [a, shell], tool_choice: { type: 'tool', name: 'bash' } },
      called('bash', {}),
    ],
    ['none by itself', { tools: [a], tool_choice: { type: 'auto' } }, null],
    ['none where it may not', { tools: [a], tool_choice: { type: 'none' } }, null],
    [
      'one that is cut off',
      { tools: [a], tool_choice: { type: 'any' }, max_tokens: 1 },
      called('a', { city: 'Bern' }),
      'max_tokens',
    ],
  ])('call a tool that is demanded: %s', async (_, extra, call, stop_reason = 'tool_use') => {
    const message = await onlyMessage(sandbox(), extra);
    expect(message.content).toMatchObject([call ?? { type: 'text' }]);
    expect(message.stop_reason).toBe(call === null ? 'end_turn' : stop_reason);
  });

  it.each([
    ['on every tier model', {}, true],
    ['and not on older ones', { model: 'claude-opus-4-8' }, false],
    ['where it is asked for', { model: 'claude-opus-4-8', thinking: { type: 'adaptive' } }, true],
    ['unless it is turned off', { model: 'claude-haiku-5-5', thinking: { type: 'disabled' } }, false],
  ])('think %s', async (_, extra, thinks) => {
    const { usage } = await onlyMessage(sandbox(), { max_tokens: 2_000, ...extra });
    const thought = usage.output_tokens_details?.thinking_tokens ?? 0;
    expect(thought > 0).toBe(thinks);
    expect(usage.output_tokens).toBeGreaterThan(thought);
  });

  it('begin with thinking where it is on', async () => {
    const message = await onlyMessage(sandbox(), { thinking: { type: 'adaptive' } });
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'text']);
  });

  it('conform to the schema asked for', async () => {
    const schema = z.strictObject({
      label: z.enum(['a', 'b']),
      score: z.number().min(0).max(1),
      count: z.int().min(3),
      tags: z.array(z.string()).min(1),
      when: z.iso.date(),
      maybe: z.union([z.null(), z.string()]),
      fixed: z.literal('x'),
      yes: z.boolean(),
      tree: z.strictObject({
        get children() {
          return z.array(z.strictObject({ name: z.string() }));
        },
      }),
    });
    const format = { type: 'json_schema', schema: z.toJSONSchema(schema) };
    const message = await onlyMessage(sandbox(), { output_config: { format } });
    const answered = schema.parse(JSON.parse(message.content[0]?.text ?? ''));
    expect(answered.tags[0]).toContain('[sandbox]');
  });

  it('follow references, also in a circle', async () => {
    const node = { type: 'object', properties: { name: { type: 'string' }, next: { $ref: '#/$defs/node' } } };
    const schema = { $ref: '#/$defs/node', $defs: { node: { ...node, required: ['name'] } } };
    const format = { type: 'json_schema', schema };
    const message = await onlyMessage(sandbox(), { max_tokens: 5000, output_config: { format } });
    expect(JSON.parse(message.content[0]?.text ?? '')).toMatchObject({
      next: { next: { name: expect.any(String) } },
    });
  });
});

describe('who may ask', () => {
  function status(url: string, headers: Record<string, string>): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      request(`${url}/v1/messages/batches`, { headers }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end();
    });
  }

  it('needs the token and the right Host', async () => {
    const server = await startSandboxServer({ folder: path.join(folder, 'sandbox'), seconds: 0, log });
    open.push(server);
    const authorization = `Bearer ${server.token}`;
    expect(await status(server.url, { authorization })).toBe(200);
    expect(await status(server.url, {})).toBe(401);
    expect(await status(server.url, { authorization: 'Bearer wrong' })).toBe(401);
    expect(await status(server.url, { authorization, host: 'evil.example.com' })).toBe(403);
  });

  it('never gets the real key', async () => {
    vi.stubEnv('ANTHROPIC_API_KEY', 'sk-real');
    vi.stubEnv('ANTHROPIC_AUTH_TOKEN', 'real');
    vi.stubEnv('ANTHROPIC_BASE_URL', 'http://127.0.0.1:1');
    vi.stubEnv('ANTHROPIC_CUSTOM_HEADERS', 'Authorization: Bearer sk-real');
    const provider = sandbox();
    await provider.requireCredentials();
    expect((await submit(provider, tasks(1))).id).toMatch(/^msgbatch_sandbox_/);
    expect(await provider.account()).toEqual({ base_url: 'sandbox', workspace: null });
    expect(await provider.fingerprint('s')).toBe(await sandbox().fingerprint('s'));
    expect(await provider.fingerprint('s')).not.toBe(await provider.fingerprint('t'));
  });

  it('hears of an unknown batch', async () => {
    const provider = sandbox();
    expect((await failure(provider.retrieveBatch('msgbatch_sandbox_unknown'))).code).toBe('api_not_found');
    expect((await failure(download(provider, 'msgbatch_other'))).code).toBe('api_not_found');
  });
});

describe('faults', () => {
  const creates: [RouteFault, string, number][] = [
    [{ route: 'create', kind: 'status', status: 429, retry_after_seconds: 3 }, 'api_busy', 0],
    [
      { route: 'create', kind: 'status', status: 429, error_code: 'enforced_spend_limit_reached' },
      'api_spend_limit',
      0,
    ],
    [{ route: 'create', kind: 'status', status: 500 }, 'api_uncertain', 0],
    [{ route: 'create', kind: 'status', status: 500, commits: true }, 'api_uncertain', 1],
    [{ route: 'create', kind: 'status', status: 529 }, 'api_busy', 0],
    [{ route: 'create', kind: 'hang' }, 'api_uncertain', 0],
    [{ route: 'create', kind: 'hang', commits: true }, 'api_uncertain', 1],
    [{ route: 'create', kind: 'reset_before_commit' }, 'api_uncertain', 0],
    [{ route: 'create', kind: 'reset_after_commit' }, 'api_uncertain', 1],
    [{ route: 'create', kind: 'unreadable' }, 'api_uncertain', 1],
  ];
  eachNth(3, creates)('%o → %s, %i made', async (fault, code, made) => {
    const provider = sandbox(0, [{ ...fault, nth: 1 }]);
    const error = await failure(provider.createBatch(await bodyToSend({ requests: tasks(2) }), 500));
    expect(error.code).toBe(code);
    expect((await provider.listBatches({ limit: 10 })).batches).toHaveLength(made);
    expect((await submit(provider, tasks(2))).id).toMatch(/^msgbatch_/);
  });

  it.each(['cut_at_line', 'cut_in_line', 'cut_socket', 'drop_line'] as const)('%s', async (kind) => {
    const provider = sandbox(0, [{ route: 'results', nth: 1, kind }]);
    const { id } = await submit(provider, tasks(4));
    const cut = await download(provider, id).catch((error: unknown) => error);
    const whole = (await download(provider, id)).split(/(?<=\n)/);
    const half = (line: string) => line.slice(0, Math.ceil(line.length / 2));
    const [first = '', second = ''] = whole;
    expect(whole).toHaveLength(4);
    if (kind === 'cut_socket') expect(cut).toMatchObject({ code: 'api_uncertain' });
    if (kind === 'cut_at_line') expect(cut).toBe(first);
    if (kind === 'cut_in_line') expect(cut).toBe(first + half(second));
    if (kind === 'drop_line') expect(cut).toBe(whole.slice(1).join(''));
  });
});

it('holds 20,000 requests of 100 MB neither when they come nor when they go', long, async () => {
  const lines = () =>
    tasks(20_000).map((task) =>
      JSON.stringify({ ...task, params: { ...params, system: 'x'.repeat(5_000) } }),
    );
  const body = await bodyToSend(`{"requests":[${lines().join()}]}`);
  const provider = sandbox();
  let ends = 0;
  const most = await mostHeldDuring(async () => {
    const { id } = await provider.createBatch(body, 600_000);
    for await (const piece of provider.streamResults(id)) {
      for (const byte of piece) if (byte === 10) ends += 1;
    }
  });
  expect(ends).toBe(20_000);
  expect(most).toBeLessThan(body.bytes / 4);
});
