import type { ClientOptions } from './client.ts';
import { readConfig } from './config/config.ts';
import { createContext } from './config/create-context.ts';
import { checkProgramOptions } from './config/program-options.ts';
import { createLog, redact } from './log.ts';
import { createServer } from './mcp/create-server.ts';
import { version } from './version.ts';

/** Carries messages between the server and one client. The transports of the MCP SDK fit it. */
export type ServerTransport = {
  start(): Promise<void>;
  send(message: object, options?: object): Promise<void>;
  close(): Promise<void>;
  onclose?(): void;
  onerror?(error: Error): void;
  onmessage?(message: object, extra?: object): void;
};

/** The MCP server, for a program that brings its own transport. */
export type BatchServer = {
  /** Serves one client until either side closes. */
  connect(transport: ServerTransport): Promise<void>;
  /** Waits for the work under way in this process, then closes what it holds open. */
  close(): Promise<void>;
};

/**
 * Makes the server that the program `batch-mcp` runs on stdin and stdout. Its caller is an agent, so paths are
 * confined to the allowed folders of `env` and `flags`.
 */
export async function createBatchServer(options: ClientOptions = {}): Promise<BatchServer> {
  checkProgramOptions(options);
  const { env = process.env, flags = [], apiKey, store } = options;
  const config = readConfig({ env, argv: flags, ownDatabase: store !== undefined });
  const secrets = apiKey === undefined ? config.secrets : [...config.secrets, apiKey];
  const log = options.log ?? createLog({ level: 'error', write: () => {}, secrets });
  const context = await createContext(config, log, {
    ...(apiKey !== undefined && { apiKey }),
    ...(store !== undefined && { database: store }),
  });
  const server = createServer(context, { version, redact: (text) => redact(text, secrets) });
  return {
    connect: (transport) => server.connect(transport),
    async close() {
      await server.close();
      await context.jobs.idle();
      await context.close();
    },
  };
}
