import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { createServer } from '../../src/mcp/create-server.ts';
import { startWorker } from '../../src/operations/worker/worker.ts';

/**
 * The server on stdio, with limits that a test makes small (LIMITS, JSON) and, where WORKER is set, a worker beside it: as a
 * replica that serves a team.
 */
const config = readConfig({ env: process.env, argv: [], cwd: process.cwd() });
const log = (_level: string, message: string) => void process.stderr.write(`${message}\n`);
const limits: object = JSON.parse(process.env.LIMITS ?? '{}');
const context = await createContext(config, log, { limits });
const worker = process.env.WORKER === undefined ? null : startWorker(context);

async function end(): Promise<void> {
  await worker?.stop();
  await context.close();
  process.exit(0);
}
process.stdin.on('end', () => void end());
process.once('SIGTERM', () => void end());
const server = createServer(context, { version: '0.0.0-test', redact: (text) => text });
await server.connect(new StdioServerTransport());
