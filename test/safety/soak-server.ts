import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import type { Log } from '../../src/log.ts';
import { createServer } from '../../src/mcp/create-server.ts';
import { createAnthropicProvider } from '../../src/provider/anthropic/anthropic-provider.ts';
import { createSandboxProvider } from '../../src/provider/sandbox/sandbox-provider.ts';

/**
 * The server on stdio for the soak: its clock is wrong by CLOCK_MS milliseconds, and it has little patience with an API of which many
 * requests go wrong, so that a soak ends.
 */
const skew = Number(process.env.CLOCK_MS ?? 0);
const config = readConfig({ env: process.env, argv: process.argv.slice(2), cwd: process.cwd() });
const log: Log = (_level, message) => void process.stderr.write(`${message}\n`);
const patience = { callMs: 1_500, stallMs: 1_500 };
const anthropic = createAnthropicProvider({
  apiKey: process.env.ANTHROPIC_API_KEY ?? '',
  baseUrl: process.env.ANTHROPIC_BASE_URL ?? '',
  betas: [],
  log,
  ...patience,
});
const sandbox = createSandboxProvider({ folder: config.sandboxDir, seconds: 0.1, log, ...patience });
const context = await createContext(config, log, {
  now: () => new Date(Date.now() + skew),
  limits: { partRequests: 60, answerMs: 1_500, busyMs: 5_000, downloads: 10, downloadPauseMs: 50 },
  providers: {
    get: (name) => (name === 'sandbox' ? sandbox : anthropic),
    close: async () => void (await Promise.all([sandbox.close(), anthropic.close()])),
  },
});
process.stdin.on('end', () => process.exit(0));
const server = createServer(context, { version: '0.0.0-test', redact: (text) => text });
await server.connect(new StdioServerTransport());
