import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { startHttp } from '../../src/mcp/http/start-http.ts';
import { startWorker } from '../../src/operations/worker/worker.ts';

/** A replica of a team's server, with a worker and with limits that a test makes small (LIMITS, JSON); it says where it listens. */
const config = readConfig({ env: process.env, argv: [], cwd: process.cwd() });
if (config.http === null) throw new Error('no HTTP in these settings');
const limits: object = JSON.parse(process.env.LIMITS ?? '{}');
const context = await createContext(config, () => {}, { limits });
const options = { config: config.http, version: '0.0.0-test', redact: (text: string) => text };
const server = await startHttp(context, options);
const worker = startWorker(context);
process.stdout.write(`${server.address}\n`);

process.once('SIGTERM', () => {
  void Promise.all([worker.stop(), server.close(5_000)])
    .then(() => context.close())
    .then(() => process.exit(0));
});
