import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { createContext } from '../../config/create-context.ts';
import type { HttpConfig } from '../../config/http-config.ts';
import { type Log, redact } from '../../log.ts';
import { startWorker } from '../../operations/worker/worker.ts';
import { endsWithin } from '../../state/jobs.ts';
import { version } from '../../version.ts';
import { countCalls } from './metrics.ts';
import { startHttp } from './start-http.ts';

/** Open answers are waited for this long, since no call lasts longer than 25 seconds. */
const LONGEST_ANSWERS_MS = 25_000;
const SWEEP_MS = 60 * 60_000;
/** Then background jobs get this long. What remains is on disk and is resumed by whoever looks next. */
const LONGEST_JOBS_MS = 5_000;

/**
 * Serves many clients over HTTP until SIGTERM or SIGINT. It then accepts no more requests and answers the open ones; a
 * second signal ends it at once.
 */
export async function serveHttp(config: Config, http: HttpConfig, log: Log): Promise<void> {
  const { context, counted } = countCalls(await createContext(config, log));
  const sweep = () =>
    void context.store.sweep().catch((error: unknown) => log('warn', `Sweeping failed: ${String(error)}`));
  sweep();
  setInterval(sweep, SWEEP_MS).unref();
  const server = await startHttp(context, {
    config: http,
    counted,
    version,
    redact: (text) => redact(text, config.secrets),
  });
  const worker = context.readOnly ? null : startWorker(context);
  // It doesn't matter if nobody reads the log any more.
  process.stderr.on('error', () => {});

  let isEnding = false;
  const end = (signal: string) => {
    if (isEnding) process.exit(1);
    isEnding = true;
    log('info', `Ending: ${signal}`);
    void Promise.all([worker?.stop(), server.close(LONGEST_ANSWERS_MS)])
      .then(() => endsWithin(context.jobs.idle(), LONGEST_JOBS_MS))
      .then(() => Promise.race([context.close(), sleep(LONGEST_JOBS_MS)]))
      .then(() => process.exit(0));
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  log(
    'info',
    `batch-mcp ${version}: ${server.address}/mcp, ${config.provider}, data in ${config.store?.place ?? config.dataDir}`,
  );
}
