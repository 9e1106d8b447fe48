import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import type { Log } from '../../src/log.ts';
import { createServer } from '../../src/mcp/create-server.ts';
import { createSandboxProvider } from '../../src/provider/sandbox/sandbox-provider.ts';
import { behindFaults, type Fault, type RouteFault } from '../provider/sandbox/faulty-server.ts';

/**
 * The server on stdio over a sandbox of which FAULTS percent of all requests go wrong, each route in all the ways
 * it can. It has little patience, so that a soak ends.
 */
const ways: ((route: 'create' | 'retrieve' | 'list' | 'results') => RouteFault)[] = [
  (route) => ({ route, kind: 'status', status: 429, retry_after_seconds: 0 }),
  (route) => ({ route, kind: 'status', status: 529, retry_after_seconds: 0 }),
  (route) => ({ route, kind: 'status', status: 500 }),
  (route) => ({ route, kind: 'status', status: 500, commits: true }),
  (route) => ({ route, kind: 'status', status: 400 }),
  (route) => ({ route, kind: 'status', status: 408 }),
  (route) => ({ route, kind: 'status', status: 409, commits: true }),
  (route) => ({ route, kind: 'hang' }),
  (route) => ({ route, kind: 'hang', commits: true }),
  (route) => ({ route, kind: 'reset_before_commit' }),
  (route) => ({ route, kind: 'reset_after_commit' }),
  (route) => ({ route, kind: 'unreadable' }),
];
const downloadsAlone: (() => RouteFault)[] = [
  () => ({ route: 'results', kind: 'cut_at_line' }),
  () => ({ route: 'results', kind: 'cut_in_line' }),
  () => ({ route: 'results', kind: 'cut_socket' }),
  () => ({ route: 'results', kind: 'drop_line' }),
];
/** A process serves far fewer before it ends. */
const REQUESTS_PER_ROUTE = 3_000;

const share = Number(process.env.FAULTS) / 100;
const faults: Fault[] = [];
for (const route of ['create', 'retrieve', 'list', 'results'] as const) {
  const possible = route === 'results' ? [...ways, ...downloadsAlone, ...downloadsAlone] : ways;
  for (let nth = 1; nth <= REQUESTS_PER_ROUTE; nth += 1) {
    const way = possible[Math.floor(Math.random() * possible.length)];
    if (way && Math.random() < share) faults.push({ ...way(route), nth });
  }
}

const config = readConfig({ env: process.env, argv: ['--sandbox'], cwd: process.cwd() });
const log: Log = (_level, message) => void process.stderr.write(`${message}\n`);
const patience = { callMs: 1_000, stallMs: 1_000 };
const sandbox = createSandboxProvider({
  folder: config.sandboxDir,
  seconds: 0.1,
  log,
  start: behindFaults(faults),
  ...patience,
});
const context = await createContext(config, log, {
  limits: { partRequests: 60, answerMs: 1_000, busyMs: 5_000, downloads: 10 },
  providers: { get: () => sandbox, close: () => sandbox.close() },
});
process.stdin.on('end', () => process.exit(0));
const server = createServer(context, { version: '0.0.0-test', redact: (text) => text });
await server.connect(new StdioServerTransport());
