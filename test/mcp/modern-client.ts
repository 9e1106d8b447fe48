import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { onTestFinished } from 'vitest';
import { builtServer, type Reply, settingsFor, temporaryFolder } from '../harness.ts';
import { type RawServer, startRawServer } from '../server/raw-server.ts';

type Options = {
  folder?: string;
  argv?: string[];
  env?: Record<string, string>;
  api?: { url: string; key: string };
  client?: ConstructorParameters<typeof Client>[1];
};

/** The built server behind the official client of the new era, over real stdio. Ended with the test. */
export async function startModernClient(options: Options = {}): Promise<{ client: Client; folder: string }> {
  const folder = options.folder ?? (await temporaryFolder());
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [builtServer, ...(options.argv ?? [])],
    cwd: work,
    stderr: 'ignore',
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
      BATCH_MCP_SANDBOX_SECONDS: '0.2',
      ...(options.api && settingsFor(options.api)),
      ...options.env,
    },
  });
  const client = new Client(
    { name: 'modern', version: '1' },
    { versionNegotiation: { mode: 'auto' }, ...options.client },
  );
  await client.connect(transport);
  onTestFinished(() => client.close());
  return { client, folder };
}

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const INFO = 'io.modelcontextprotocol/clientInfo';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

/** What each request of the new era carries. */
export function envelopeOf(capabilities: object = {}, version: unknown = '2026-07-28'): object {
  return { [VERSION]: version, [INFO]: { name: 'raw', version: '1' }, [CAPABILITIES]: capabilities };
}

/** A client that follows tasks, as it declares itself. */
export const followsTasks = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

export type ModernServer = RawServer & {
  /** Sends a request with its envelope and gives the whole reply. */
  ask(method: string, params?: object, capabilities?: object): Promise<Reply>;
  /** Calls a tool and gives what it answers with. */
  call(name: string, args?: object, capabilities?: object): Promise<Reply>;
};

/** The built server with bare JSON-RPC of the new era. */
export async function startModernServer(
  options: Parameters<typeof startRawServer>[0] = {},
): Promise<ModernServer> {
  const server = await startRawServer(options);
  let id = 0;
  const ask = (method: string, params: object = {}, capabilities: object = {}) => {
    id += 1;
    server.send({ jsonrpc: '2.0', id, method, params: { ...params, _meta: envelopeOf(capabilities) } });
    return server.reply(id);
  };
  return {
    ...server,
    ask,
    async call(name, args = {}, capabilities) {
      const { result, error } = await ask('tools/call', { name, arguments: args }, capabilities);
      if (error) throw new Error(JSON.stringify(error));
      return result;
    },
  };
}
