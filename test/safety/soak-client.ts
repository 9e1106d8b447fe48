import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { z } from 'zod';

const answer = z.looseObject({
  isError: z.boolean().optional(),
  content: z.array(z.looseObject({ text: z.string() })),
  structuredContent: z.record(z.string(), z.any()).optional(),
});

/** A client with a server process of its own, which can be killed or stopped at any moment. */
export type SoakClient = {
  /** Calls a tool. Throws `ServerDied` where the process ended meanwhile, an error where the tool says no. */
  call(tool: string, args: object): Promise<Record<string, any>>;
  kill(): void;
  /** Does nothing where it has ended. */
  signal(name: NodeJS.Signals): void;
  close(): Promise<void>;
};

export class ServerDied extends Error {}

/** The bundled server, and the folder above its data and its working folder. */
export type SoakServer = { script: string; folder: string };

/** Starts the server on `folder/data`; it may write to `folder/work`. */
export async function startSoakClient(
  { script, folder }: SoakServer,
  { argv = [], env }: { argv?: readonly string[]; env: Readonly<Record<string, string>> },
): Promise<SoakClient> {
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [script, ...argv],
    cwd: work,
    stderr: 'ignore',
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
      ...env,
    },
  });
  const client = new Client({ name: 'soak', version: '1' });
  await client.connect(transport);
  const pid = transport.pid ?? 0;
  let alive = true;
  client.onclose = () => {
    alive = false;
  };
  const signal = (name: NodeJS.Signals) => {
    if (alive) process.kill(pid, name);
  };
  return {
    async call(tool, args) {
      const called = client.callTool({ name: tool, arguments: { ...args } }, undefined, { timeout: 60_000 });
      const result = await called.catch((error: unknown) => {
        throw alive ? error : new ServerDied(tool, { cause: error });
      });
      const { isError, content, structuredContent } = answer.parse(result);
      if (isError) throw new Error(`${tool}: ${content.map(({ text }) => text).join(' ')}`);
      return structuredContent ?? {};
    },
    kill: () => signal('SIGKILL'),
    signal,
    close: () => client.close(),
  };
}
