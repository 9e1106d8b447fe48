import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { builtServer, type Reply, settingsFor, temporaryFolder } from '../harness.ts';

/** How a process ended. */
export type End = { code: number | null; signal: NodeJS.Signals | null };

/** The built server with bare pipes in place of a client, for what clients do wrong. */
export type RawServer = {
  folder: string;
  data: string;
  /** Writes a line to its stdin: a text as it is, anything else as JSON. */
  send(message: unknown): void;
  /** The reply with this id, when it comes. */
  reply(id: number | string): Promise<Reply>;
  /** Initializes, as a client does. */
  initialize(): Promise<void>;
  closeStdin(): void;
  closeStdout(): void;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended and all that it said is read. */
  ended: Promise<End>;
  stdout(): string;
  stderr(): string;
};

type Options = {
  folder?: string;
  env?: Record<string, string>;
  /** A stand-in for the API; without it real work has no key. */
  api?: { url: string; key: string };
  argv?: string[];
};

export async function startRawServer(options: Options = {}): Promise<RawServer> {
  const { api, env, argv = [] } = options;
  const folder = options.folder ?? (await temporaryFolder());
  const data = path.join(folder, 'data');
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const child = spawn(process.execPath, [builtServer, ...argv], {
    cwd: work,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      BATCH_MCP_DATA_DIR: data,
      BATCH_MCP_SANDBOX_SECONDS: '0.2',
      ...(api && settingsFor(api)),
      ...env,
    },
  });
  let stdout = '';
  let stderr = '';
  let heard = () => {};
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
    heard();
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  // Writing to a server that has gone is what some tests do.
  child.stdin.on('error', () => {});
  const ended = new Promise<End>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  function find(id: number | string): Reply | undefined {
    const lines = stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line)).find((message) => message.id === id);
  }
  const send = (message: unknown) => {
    child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  };
  const reply = async (id: number | string): Promise<Reply> => {
    for (;;) {
      const found = find(id);
      if (found) return found;
      const more = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const end = await Promise.race([more, ended]);
      if (end && !find(id)) throw new Error(`It ended (${end.code}) without a reply to ${id}: ${stderr}`);
    }
  };
  return {
    folder,
    data,
    send,
    reply,
    async initialize() {
      send({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-06-18',
          capabilities: {},
          clientInfo: { name: 'raw', version: '1' },
        },
      });
      await reply(1);
      send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    },
    closeStdin: () => child.stdin.end(),
    closeStdout: () => child.stdout.destroy(),
    kill: (signal) => child.kill(signal),
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
  };
}

/** A call of a tool, as a message. */
export function toolCall(id: number, name: string, args: object = {}): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
}
