import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { readConfig } from '../../dist/config.js';
import { createContext } from '../../dist/create-context.js';
import { createServer } from '../../dist/create-server.js';
import { createSandboxProvider } from '../../dist/provider/sandbox/sandbox-provider.js';

/**
 * The built server on stdio over a sandbox of which FAULTS percent of all requests go wrong, each route in all the
 * ways it can. It has little patience, so that a soak ends. Plain JavaScript over the built server, for its start.
 */
const anyRoute = [
  { kind: 'status', status: 429, retry_after_seconds: 0 },
  { kind: 'status', status: 529, retry_after_seconds: 0 },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 500, commits: true },
  { kind: 'status', status: 400 },
  { kind: 'status', status: 408 },
  { kind: 'status', status: 409, commits: true },
  { kind: 'hang' },
  { kind: 'hang', commits: true },
  { kind: 'reset_before_commit' },
  { kind: 'reset_after_commit' },
  { kind: 'unreadable' },
];
const downloads = ['cut_at_line', 'cut_in_line', 'cut_socket', 'drop_line'].map((kind) => ({ kind }));
const kinds = {
  create: anyRoute,
  retrieve: anyRoute,
  list: anyRoute,
  cancel: anyRoute,
  results: [...anyRoute, ...downloads, ...downloads],
};
/** A process serves far fewer requests before it ends. */
const REQUESTS = 3_000;

const share = Number(process.env.FAULTS) / 100;
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const faults = Object.entries(kinds).flatMap(([route, of]) =>
  Array.from({ length: REQUESTS }, (_, n) => ({ route, nth: n + 1, ...pick(of) })).filter(
    () => Math.random() < share,
  ),
);

const config = readConfig({ env: process.env, argv: ['--sandbox'], cwd: process.cwd() });
const log = (_level, message) => void process.stderr.write(`${message}\n`);
const patience = { callMs: 1_000, stallMs: 1_000 };
const sandbox = createSandboxProvider({ dataDir: config.dataDir, seconds: 0.1, faults, log, ...patience });
const context = await createContext(config, log, {
  limits: { partRequests: 60, answerMs: 1_000, busyMs: 5_000, downloads: 10 },
  providers: { get: () => sandbox, close: () => sandbox.close() },
});
process.stdin.on('end', () => process.exit(0));
await createServer(context, { version: '0.0.0-test', redact: (text) => text }).connect(new StdioServerTransport());
