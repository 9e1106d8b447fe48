import { mkdir } from 'node:fs/promises';
import { uptime } from 'node:os';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import type { JsonSchemaType } from '@modelcontextprotocol/sdk/validation';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { readConfig } from '../src/config/config.ts';
import { createContext } from '../src/config/create-context.ts';
import { redact } from '../src/log.ts';
import { createServer } from '../src/mcp/create-server.ts';
import {
  type AnthropicOptions,
  createAnthropicProvider,
} from '../src/provider/anthropic/anthropic-provider.ts';
import type { Providers } from '../src/provider/providers.ts';
import { createSandboxProvider } from '../src/provider/sandbox/sandbox-provider.ts';
import type { Limits } from '../src/state/context.ts';
import { createStore } from '../src/store/files/create-store.ts';
import type { Store } from '../src/store/store.ts';
import { temporaryFolder } from './temporary-folder.ts';

export { temporaryFolder };

/** The built server, as an MCP client starts it. */
export const builtServer = path.resolve(import.meta.dirname, '../dist/server.js');

/** A tool's answer as a client gets it: `reply` on success, the text always. */
export type ToolAnswer = { isError: boolean; text: string; reply: Reply };
/** A test looks into replies of every shape; a wrong look fails it. */
export type Reply = Record<string, any>;

export type TestClient = {
  readonly client: Client;
  call(
    name: string,
    args?: unknown,
    options?: { onProgress?: (progress: Progress) => void },
  ): Promise<ToolAnswer>;
  /** Calls and gives the structured content; fails the test where the tool answers with an error. */
  ok(name: string, args?: unknown): Promise<Reply>;
  /** Calls and gives the error's text; fails the test where the tool succeeds. */
  fails(name: string, args?: unknown): Promise<string>;
  close(): Promise<void>;
};

const resultSchema = z.looseObject({
  isError: z.boolean().optional(),
  content: z.array(z.looseObject({ type: z.string(), text: z.string() })),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
});

/** The environment of a process that works with a stand-in for the API. */
export function settingsFor(api: { url: string; key: string }): Record<string, string> {
  return { ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url };
}

function wrap(client: Client, close: () => Promise<void>): TestClient {
  async function call(
    name: string,
    args: unknown = {},
    options: { onProgress?: (progress: Progress) => void } = {},
  ): Promise<ToolAnswer> {
    const result = resultSchema.parse(
      await client.callTool({ name, arguments: z.record(z.string(), z.unknown()).parse(args) }, undefined, {
        timeout: 60_000,
        ...(options.onProgress && { onprogress: options.onProgress }),
      }),
    );
    const text = result.content.map((block) => block.text).join('\n');
    return { isError: result.isError ?? false, text, reply: result.structuredContent ?? {} };
  }
  return {
    client,
    call,
    async ok(name, args) {
      const answer = await call(name, args);
      if (answer.isError) throw new Error(`${name} failed: ${answer.text}`);
      return answer.reply;
    },
    async fails(name, args) {
      const answer = await call(name, args);
      if (!answer.isError) throw new Error(`${name} should have failed: ${answer.text}`);
      return answer.text;
    },
    close,
  };
}

/** Compiles what equals an earlier schema no second time: hundreds of clients read the same list of tools. */
class CompilesOnce extends AjvJsonSchemaValidator {
  private readonly known = new Map<string, JsonSchemaType>();

  override getValidator<T>(schema: JsonSchemaType) {
    const text = JSON.stringify(schema);
    const first = this.known.get(text) ?? schema;
    this.known.set(text, first);
    return super.getValidator<T>(first);
  }
}

const jsonSchemaValidator = new CompilesOnce();

export type ServerOptions = {
  /** The data folder and, below it, the working folder `work`; made when absent. */
  folder?: string;
  /** As on the command line. */
  argv?: string[];
  env?: Record<string, string>;
  /** A stand-in for the API; without it real work has no key. */
  api?: { url: string; key: string };
  /** How long the API may be silent, in milliseconds. */
  patience?: Pick<AnthropicOptions, 'callMs' | 'stallMs'>;
  limits?: Partial<Limits>;
  /** Time as it passes. */
  now?: () => Date;
  /** A clock on the wall that somebody has set, and no time passed. */
  wall?: () => Date;
  /** The store of the data folder, changed. */
  store?: (real: Store) => Store;
  sandboxSeconds?: number;
  /** What the client can do. */
  client?: ConstructorParameters<typeof Client>[1];
};

const upMs = (now: () => Date) => Math.round(uptime() * 1000) + now().getTime() - Date.now();

export type TestServer = TestClient & { folder: string; work: string; data: string };

/** The server in this process behind a real client, over the in-memory transport. Closed with the test. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const folder = options.folder ?? (await temporaryFolder());
  const work = path.join(folder, 'work');
  const data = path.join(folder, 'data');
  await mkdir(work, { recursive: true });
  const env = { BATCH_MCP_DATA_DIR: data, BATCH_MCP_WORK_DIR: work, ...options.env };
  const config = readConfig({ env, argv: options.argv ?? [], cwd: work, home: folder });
  const log = () => {};
  const sandbox = createSandboxProvider({
    folder: path.join(data, 'sandbox'),
    seconds: options.sandboxSeconds ?? 0,
    log,
  });
  const { api } = options;
  const anthropic = createAnthropicProvider({
    ...(api && { apiKey: api.key, baseUrl: api.url }),
    ...options.patience,
    betas: config.betas,
    log,
  });
  const providers: Providers = {
    get: (name) => (name === 'sandbox' ? sandbox : anthropic),
    close: async () => {
      await Promise.all([sandbox.close(), anthropic.close()]);
    },
  };
  const { now } = options;
  const context = await createContext(config, log, {
    providers,
    limits: { downloadPauseMs: 20, ...options.limits },
    ...(now && { now, upMs: () => upMs(now) }),
    ...(options.wall && { now: options.wall }),
    ...(options.store && { store: options.store(createStore({ path: data, log })) }),
  });
  const secrets = api ? [api.key] : [];
  const server = createServer(context, { version: '0.0.0-test', redact: (text) => redact(text, secrets) });
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' }, { jsonSchemaValidator, ...options.client });
  await Promise.all([server.connect(ours), client.connect(theirs)]);
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await client.close();
    await context.jobs.idle();
    await providers.close();
  };
  onTestFinished(close);
  return { ...wrap(client, close), folder, work, data };
}

export type SpawnOptions = {
  folder?: string;
  /** A script in place of the built server. */
  starter?: string;
  /** A command, with its arguments, that is given the server's command line to run. */
  under?: [string, ...string[]];
  argv?: string[];
  /** Flags for Node itself. */
  nodeArgs?: string[];
  env?: Record<string, string>;
  /** A stand-in for the API; without it real work has no key. */
  api?: { url: string; key: string };
  cwd?: string;
};

export type SpawnedServer = TestServer & {
  pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
};

/** The built server in a process of its own, behind a real client over stdio. Ended with the test. */
export async function spawnServer(options: SpawnOptions = {}): Promise<SpawnedServer> {
  const folder = options.folder ?? (await temporaryFolder());
  const work = path.join(folder, 'work');
  const data = path.join(folder, 'data');
  await mkdir(work, { recursive: true });
  const [command, ...args] = [
    ...(options.under ?? []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    options.starter ?? builtServer,
    ...(options.argv ?? []),
  ];
  const transport = new StdioClientTransport({
    command,
    args,
    cwd: options.cwd ?? work,
    stderr: 'pipe',
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      BATCH_MCP_DATA_DIR: data,
      BATCH_MCP_SANDBOX_SECONDS: '0.2',
      ...(options.api && settingsFor(options.api)),
      ...options.env,
    },
  });
  let stderr = '';
  transport.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const client = new Client({ name: 'test', version: '1' }, { jsonSchemaValidator });
  await client.connect(transport);
  const pid = transport.pid ?? 0;
  const close = () => client.close();
  onTestFinished(close);
  return {
    ...wrap(client, close),
    folder,
    work,
    data,
    pid,
    stderr: () => stderr,
    async kill() {
      const ended = new Promise<void>((resolve) => {
        client.onclose = resolve;
      });
      process.kill(pid, 'SIGKILL');
      await ended;
    },
  };
}
