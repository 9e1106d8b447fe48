import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Config, readConfig } from '../config/config.ts';
import type { ClosableContext } from '../config/create-context.ts';
import { uselessFolders } from '../config/folders.ts';
import { readNetworkVariables } from '../config/network-variables.ts';
import type { Environment } from '../config/read-settings.ts';
import { BatchError, renderError } from '../errors.ts';
import { secretsOfVariables } from '../lib/http/secret-headers.ts';
import { shellWord } from '../lib/shell-word.ts';
import { createLog, type Log, redact, tellCrashes } from '../log.ts';
import type { Context } from '../state/context.ts';
import { version } from '../version.ts';
import { createServerFor, type McpServer } from './create-server.ts';
import type { Options } from './methods.ts';
import { StdioTransport } from './stdio-transport.ts';

const NO_CREDENTIALS =
  'There is no usable Anthropic credential: work is checked and estimated, but none is sent. Set ' +
  "ANTHROPIC_API_KEY in the MCP client's `env` block and restart the client, or try everything with --sandbox.";

/** If one of them is set, the first call shows whether it works. */
const CREDENTIALS = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_CUSTOM_HEADERS'];

const NOBODY_THERE =
  'stdin was closed before any message arrived. An MCP client starts this server and talks to it over stdin; in a ' +
  'container that takes `docker run -i`.';

/** A requested end takes no longer than this, because clients kill processes that linger. */
const LONGEST_END_MS = 1_500;
/** Whoever closes stdin may still expect replies, as a pipe does. Calls that don't wait themselves are answered by then. */
const LONGEST_REPLY_MS = 5_000;

/**
 * Removes variables that the client left empty or unfilled from what the SDK and the proxy code read, and strips quotes
 * from the others.
 */
function takeAsMeant(env: NodeJS.ProcessEnv): void {
  const { unset, set } = readNetworkVariables(env);
  for (const name of unset) delete env[name];
  Object.assign(env, set);
}

/**
 * Runs the MCP server on stdin and stdout until the client closes either or sends a signal. Only MCP frames go to stdout;
 * unusable settings are reported on stderr, with exit code 2. With `--help` or `--version` it prints that and ends.
 */
export async function startServer(argv: readonly string[], env: Environment = process.env): Promise<void> {
  if (argv.includes('--version') || argv.includes('-v')) return print(`${version}\n`);
  if (argv.includes('--help') || argv.includes('-h')) {
    const { helpText } = await import('../config/help.ts');
    return print(helpText(version));
  }
  const keepOut = tellCrashes(secretsOfVariables(env));
  try {
    await serve(argv, env, keepOut);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    // The secrets in the settings aren't known yet, so anything that looks like one is redacted.
    process.stderr.write(`batch-mcp: ${redact(renderError(error), [])}\n`);
    process.exitCode = 2;
  }
}

function print(text: string): void {
  // It is no failure when the reader stops early, as `head` does.
  process.stdout.on('error', () => {});
  process.stdout.write(text);
}

async function serve(
  argv: readonly string[],
  env: Environment,
  keepOut: (secrets: readonly string[]) => void,
): Promise<void> {
  const config = readConfig({ env, argv });
  keepOut(config.secrets);
  takeAsMeant(process.env);
  const write = (line: string) => process.stderr.write(line);
  const log = createLog({ level: config.logLevel, write, secrets: config.secrets });
  for (const notice of [...config.notices, ...uselessFolders(config)]) log('warn', notice);
  if (config.http !== null) {
    const { serveHttp } = await import('./http/serve-http.ts');
    return serveHttp(config, config.http, log);
  }
  const work = createWork(config, log);
  // Only files and model names can turn out wrong when loaded, and the start should say so.
  const { pricesFile, templatesDir, tierModels } = config;
  if (pricesFile !== undefined || templatesDir !== undefined || Object.keys(tierModels).length > 0)
    await work.load();
  const going = new Set<Promise<unknown>>();
  const server = createServerFor(
    { readOnly: config.readOnly, load: work.load },
    optionsOf(config, work, going),
  );
  server.onerror = (error) => log('warn', `A message of the client could not be read (${error.name})`);
  endWithClient(server, work, going, log);
  await server.connect(new StdioTransport(process.stdin, process.stdout));
  log('info', `batch-mcp ${version}: ${config.provider}, data in ${config.store?.place ?? config.dataDir}`);
}

function optionsOf(config: Config, work: Work, going: Set<Promise<unknown>>): Options {
  const waitFor = waitCommandLine(config);
  return {
    version,
    redact: (text) => redact(text, config.secrets),
    ...(waitFor && { waitFor }),
    onWork(begun) {
      const whole = begun.finally(() => going.delete(whole));
      going.add(whole);
      // The caller is told of a failure.
      whole.catch(() => {});
    },
    // Load everything once the list has been sent, so that the first call finds it ready.
    onList: () =>
      void setImmediate()
        .then(() => Promise.all([work.load(), import('../tools/boundary.ts')]))
        .catch(() => {}),
  };
}

/** Ends the process once the client closes either stream or sends a signal; what is under way is let finish for a while. */
function endWithClient(server: McpServer, work: Work, going: ReadonlySet<Promise<unknown>>, log: Log): void {
  let ending = false;
  // Whatever matters of the work under way is on disk and is resumed by whoever looks next.
  const exitWithin = (ms: number) => void setTimeout(() => process.exit(0), ms).unref();
  const end = (why: string, withinMs = LONGEST_END_MS) => {
    exitWithin(withinMs);
    if (ending) return;
    ending = true;
    log('debug', `Ending: ${why}`);
    void allDone(going)
      .then(() => {
        exitWithin(LONGEST_END_MS);
        return work.idle();
      })
      .catch((error: unknown) => log('warn', `Waiting for the work under way failed: ${String(error)}`))
      // The replies reach stdout one turn of the event loop later.
      .then(() => setImmediate())
      .then(() => Promise.all([server.close(), work.close()]))
      .then(() => process.exit(0));
  };
  process.stdin.on('end', () => {
    if (process.stdin.bytesRead === 0) log('warn', NOBODY_THERE);
    end('stdin was closed', LONGEST_REPLY_MS);
  });
  process.stdin.on('close', () => end('stdin was closed', LONGEST_REPLY_MS));
  process.stdout.on('error', () => end('stdout was closed'));
  // It doesn't matter if nobody reads the log any more.
  process.stderr.on('error', () => {});
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  server.onclose = () => end('the connection was closed', LONGEST_REPLY_MS);
}

/** A message that came right before the end is only handled in the next turn, and may first load code. */
async function allDone(going: ReadonlySet<Promise<unknown>>): Promise<void> {
  do {
    await setImmediate();
    await Promise.allSettled(going);
  } while (going.size > 0);
}

type Work = {
  load: () => Promise<Context>;
  /** Resolves when no work is under way any more. */
  idle: () => Promise<void>;
  close: () => Promise<void>;
};

/**
 * The context that answers calls. Loading it takes as long as the rest of a start, during which a client waits for the list
 * of tools, so it is done after the list has been sent.
 */
function createWork(config: Config, log: Log): Work {
  type Loaded = { context: ClosableContext; checked: Promise<void> };
  let loading: Promise<Loaded> | undefined;
  async function make(): Promise<Loaded> {
    const { createContext } = await import('../config/create-context.ts');
    const context = await createContext(config, log);
    void context.store.sweep().catch((error: unknown) => log('warn', `Sweeping failed: ${String(error)}`));
    const needsKey = config.provider === 'anthropic' && !CREDENTIALS.some((name) => process.env[name]);
    return { context, checked: needsKey ? sayIfNoCredentials(context) : Promise.resolve() };
  }
  const loaded = () => {
    loading ??= make();
    return loading;
  };
  return {
    load: async () => (await loaded()).context,
    async idle() {
      const { context, checked } = await loaded();
      await Promise.all([context.jobs.idle(), checked]);
    },
    close: async () => (await loaded()).context.close(),
  };
}

/** The SDK looks for its profiles too. */
async function sayIfNoCredentials({ provider, log }: Context): Promise<void> {
  try {
    await provider('anthropic').requireCredentials();
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    log('warn', NO_CREDENTIALS);
  }
}

/**
 * The command that ends when a batch has ended, with absolute paths because a shell may find neither this program nor its
 * Node, and has another environment. Undefined if the terminal's program isn't next to this one, or if a database keeps the
 * batches: its password must not appear in a command.
 */
function waitCommandLine({
  dataDir,
  store,
}: Pick<Config, 'dataDir' | 'store'>): ((batchId: string) => string) | undefined {
  const program = fileURLToPath(new URL('./cli.js', import.meta.url));
  if (store !== null || !existsSync(program)) return undefined;
  return (batchId) =>
    [process.execPath, program, 'wait', batchId, '--data-dir', dataDir]
      .map((word) => shellWord(word))
      .join(' ');
}
