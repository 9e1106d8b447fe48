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
import { createServerFor } from './create-server.ts';
import { StdioTransport } from './stdio-transport.ts';

const NO_CREDENTIALS =
  'There is no Anthropic credential that can be used: work is checked and estimated, but none is sent. Set ' +
  "ANTHROPIC_API_KEY in the MCP client's `env` block and restart the client, or try everything with --sandbox.";

/** Whether they can be used, the first call says. */
const CREDENTIALS = ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_CUSTOM_HEADERS'];

const NOBODY_THERE =
  'stdin was closed before any message arrived. An MCP client starts this server and talks to it over stdin; in a ' +
  'container that needs `docker run -i`.';

/** An end that was asked for is not waited for longer than this: clients kill what lingers. */
const LONGEST_END_MS = 1_500;
/** Whoever closes stdin may still wait for replies, as a pipe does: calls that do not wait themselves have them by then. */
const LONGEST_REPLY_MS = 5_000;

/** Takes variables that the client left empty or unfilled out of what the SDK and the proxies' code read, and quotes off the others. */
function takeAsMeant(env: NodeJS.ProcessEnv): void {
  const { unset, set } = readNetworkVariables(env);
  for (const name of unset) delete env[name];
  Object.assign(env, set);
}

/**
 * Runs the MCP server on stdin and stdout until the client goes: by closing stdin or stdout, or by a signal.
 * Writes nothing but MCP frames to stdout; settings that can't be used are said on stderr, with exit code 2. With
 * `--help` or `--version` it prints that and no more.
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
    // What could not be read may hold a secret.
    process.stderr.write(`batch-mcp: ${redact(renderError(error), [])}\n`);
    process.exitCode = 2;
  }
}

function print(text: string): void {
  // A reader that has seen enough, as `head`, is no failure.
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
  // Only files and models by name can be found wrong.
  const { pricesFile, templatesDir, tierModels } = config;
  if (pricesFile !== undefined || templatesDir !== undefined || Object.keys(tierModels).length > 0)
    await work.load();
  const going = new Set<Promise<unknown>>();
  const waitFor = waitCommandLine(config);
  const server = createServerFor(
    { readOnly: config.readOnly, load: work.load },
    {
      version,
      redact: (text) => redact(text, config.secrets),
      ...(waitFor && { waitFor }),
      onWork(work) {
        const whole = work.finally(() => going.delete(whole));
        going.add(whole);
        // Whoever asked is told of its failure.
        whole.catch(() => {});
      },
      // Once the list has left: the first call then finds all loaded.
      onList: () =>
        void setImmediate()
          .then(() => Promise.all([work.load(), import('../tools/boundary.ts')]))
          .catch(() => {}),
    },
  );
  server.onerror = (error) => log('warn', `A message of the client could not be read (${error.name})`);

  let ending = false;
  // What is under way is on disk as far as it matters, and is taken up by whoever looks next.
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
      .catch((error: unknown) => log('warn', `What was under way could not be waited for: ${String(error)}`))
      // The replies are on their way to stdout: one turn later they are there.
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
  // Nobody reads the log any more: that is no reason to stop.
  process.stderr.on('error', () => {});
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  server.onclose = () => end('the connection was closed', LONGEST_REPLY_MS);

  await server.connect(new StdioTransport(process.stdin, process.stdout));
  log('info', `batch-mcp ${version}: ${config.provider}, data in ${config.store?.place ?? config.dataDir}`);
}

/** What came right before the end is only taken up in the next turn, and may begin with what has to be loaded. */
async function allDone(going: ReadonlySet<Promise<unknown>>): Promise<void> {
  do {
    await setImmediate();
    await Promise.allSettled(going);
  } while (going.size > 0);
}

/**
 * The context that calls are answered with. To load what it is made of takes as long as the rest of a start, which a
 * client spends waiting for the list of tools; so that is done once the list has left.
 */
function createWork(config: Config, log: Log) {
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
    /** Resolves when nothing goes on any more. */
    async idle() {
      const { context, checked } = await loaded();
      await Promise.all([context.jobs.idle(), checked]);
    },
    close: async () => (await loaded()).context.close(),
  };
}

/** The SDK's profiles are looked for too. */
async function sayIfNoCredentials({ provider, log }: Context): Promise<void> {
  try {
    await provider('anthropic').requireCredentials();
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    log('warn', NO_CREDENTIALS);
  }
}

/**
 * The command that ends when a batch has, by absolute paths: a shell need not find this program, nor the Node that runs
 * it, and its environment is another. Undefined where the terminal's program does not stand beside this one, and where a
 * database keeps the batches, whose password belongs into no command.
 */
export function waitCommandLine({
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
