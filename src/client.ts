import * as z from 'zod';
import type { Answer } from './answers/answer.ts';
import { readConfig } from './config/config.ts';
import { createContext, type OwnDatabase } from './config/create-context.ts';
import { currentFolder } from './config/folders.ts';
import { checkProgramOptions } from './config/program-options.ts';
import type { Environment } from './config/read-settings.ts';
import { BatchError } from './errors.ts';
import { withPlainNumbers } from './lib/exact-json.ts';
import { createLog, type Log } from './log.ts';
import { adopt } from './operations/adopt.ts';
import { answersOf, linesOf, type ResultLine } from './operations/answers.ts';
import { cancel } from './operations/cancel.ts';
import { collect } from './operations/collect.ts';
import { estimate } from './operations/estimate.ts';
import { batchId } from './operations/fields.ts';
import { list } from './operations/list.ts';
import { type Operation, readInput, type WithNextStep } from './operations/operation.ts';
import { givenObject, programCall } from './operations/program-arguments.ts';
import { results } from './operations/results.ts';
import { retry } from './operations/retry.ts';
import { status } from './operations/status.ts';
import { submit } from './operations/submit.ts';
import { wait } from './operations/wait.ts';
import type {
  AdoptReply,
  CancelReply,
  CollectReply,
  EstimateArguments,
  EstimateReply,
  ListArguments,
  ListReply,
  ResultsArguments,
  ResultsReply,
  RetryArguments,
  RetryReply,
  StatusReply,
  SubmitArguments,
  SubmitReply,
  WaitReply,
} from './public-types.ts';
import type { Progress } from './state/jobs.ts';

/**
 * The operations of the tools, for a program: the same arguments, replies and errors (`BatchError`). A program's own
 * paths are not confined to folders, and a call lasts as long as it takes: `signal` and `onProgress` are for that.
 */
export type BatchClient = {
  /**
   * Checks work and sends it. With `idempotency_key` the same key is the same submission for good, however often a
   * program restarts. Throws `invalid_input` with all problems, `cost_limit`, `no_credentials`: nothing was sent then.
   */
  submit(work: ClientWork | CheckedWork, options?: SubmitOptions): Promise<SubmitReply>;
  /** Looks at a batch; with `waitSeconds` (20 at most) again and again until it has ended. */
  status(batchId: string, options?: CallOptions & { waitSeconds?: number }): Promise<StatusReply>;
  /** Waits until a batch has ended and its results are saved, for hours if need be. */
  wait(
    batchId: string,
    options?: CallOptions & { pollInterval?: number; timeout?: number },
  ): Promise<WaitReply>;
  /** The answers, by page and filter, or written to a file. */
  results(batchId: string, request?: CallOptions & ResultsRequest): Promise<ResultsReply>;
  /**
   * Every answer, whole and in the order of the tasks, streamed one by one. Those that have not been downloaded are
   * `pending`: call `wait` first.
   */
  answers(batchId: string): AsyncIterable<Answer>;
  /** The same answers as lines of the API's own results file, under the tasks' own `custom_id`s. */
  resultLines(batchId: string): AsyncIterable<ResultLine>;
  /** Sends again what failed. Throws `wrong_state` where something still runs, or there is nothing to send. */
  retry(batchId: string, request?: CallOptions & RetryRequest): Promise<RetryReply>;
  /** Cancels what has not been processed yet. Throws `wrong_state` where there is nothing to cancel. */
  cancel(batchId: string, options?: CallOptions): Promise<CancelReply>;
  /** The dry run of `submit`, free of charge. */
  estimate(work: ClientWork, options?: EstimateOptions): Promise<EstimateReply>;
  /** Looks once at every unfinished batch and does what is due: downloads, retries, writes files, notifies. */
  collect(options?: CallOptions): Promise<CollectReply>;
  /** The batches of the data folder as they were last seen, newest first. */
  list(request?: CallOptions & ListRequest): Promise<ListReply>;
  /** Adopts a batch that another program made, by the provider's id; the reply has its id here. */
  adopt(providerBatchId: string, options?: CallOptions): Promise<AdoptReply>;
  /** Waits for the work under way in this process, then closes what it holds open. Calls after it throw `wrong_state`. */
  close(): Promise<void>;
};

/** How a program follows a call. Aborting `signal` ends the waiting, and drops work that has not been sent. */
export type CallOptions = {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => Promise<void> | void) | undefined;
};

/** The arguments that describe work, as `submit` and `estimate` share them. */
type WorkArguments = Pick<SubmitArguments, keyof SubmitArguments & keyof EstimateArguments>;

/** Tasks from one source, with defaults for those that set none. */
export type ClientWork = Given<Omit<WorkArguments, SourceName>> & WorkSource;

/** Work that `estimate` checked within the last day, to be sent unchanged. */
export type CheckedWork = { work_id: string };

type SourceName = 'requests' | 'requests_file' | 'rows_file' | 'input_files' | 'from_batch';
type WorkSource =
  | { requests: readonly unknown[] }
  | { requests_file: string }
  | { rows_file: string }
  | { input_files: readonly string[] }
  | { from_batch: string };

export type SubmitOptions = CallOptions & Omit<SubmitArguments, keyof WorkArguments | keyof CheckedWork>;
export type EstimateOptions = CallOptions & Pick<EstimateArguments, 'output_tokens_per_request'>;
export type ResultsRequest = Omit<Given<ResultsArguments>, 'batch_id'>;
export type RetryRequest = Omit<Given<RetryArguments>, 'batch_id'>;
export type ListRequest = Omit<Given<ListArguments>, 'group_by'> & {
  /** One, or two. */
  group_by?: Grouping | readonly Grouping[] | undefined;
};
type Grouping = NonNullable<ListArguments['group_by']>[number];

/** Arguments whose lists may be read-only. */
type Given<Arguments> = { [Key in keyof Arguments]: Unchanged<Arguments[Key]> };
type Unchanged<Value> = Value extends (infer Entry)[] ? readonly Entry[] : Value;

export type ClientOptions = {
  /** Used instead of the environment's credentials. */
  apiKey?: string;
  /** Settings as the server's environment has them. Default: the process's own. */
  env?: Environment;
  /** Settings as on the server's command line, as in `['--sandbox']`. */
  flags?: readonly string[];
  /** Default: nothing is logged. */
  log?: Log;
  /** PostgreSQL over connections of the program's own, in place of the data folder and of `BATCH_MCP_STORE`. */
  store?: OwnDatabase;
};

/** Arguments that are called otherwise here than in the tools. */
const toolNames: Readonly<Record<string, string>> = {
  waitSeconds: 'wait_seconds',
  pollInterval: 'poll_interval',
};

const inToolsNames = (given: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [toolNames[name] ?? name, value]));

const batch = z.object({ batch_id: batchId });

/** What is read of a batch's answers. Throws `invalid_input` with the first, where no batch is named. */
async function* readOf<Read>(
  batch_id: string,
  asked: string,
  read: (batchId: string) => AsyncIterable<Read>,
): AsyncGenerator<Read> {
  yield* read(readInput(batch, { batch_id }, asked).batch_id);
}

/** Opens the data folder for a program. Several may work on one data folder at once, servers among them. */
export async function createBatchClient(options: ClientOptions = {}): Promise<BatchClient> {
  checkProgramOptions(options);
  const {
    env = process.env,
    flags = [],
    log = createLog({ level: 'error', write: () => {}, secrets: [] }),
  } = options;
  const { apiKey, store } = options;
  const config = readConfig({ env, argv: flags, ownDatabase: store !== undefined });
  // A program's relative paths resolve against the folder it runs in, whatever that is.
  const context = await createContext({ ...config, baseDir: currentFolder() ?? config.baseDir }, log, {
    caller: 'program',
    ...(apiKey !== undefined && { apiKey }),
    ...(store !== undefined && { database: store }),
  });

  let isClosed = false;
  /** What a call works with, unless it comes too late. */
  const opened = () => {
    if (!isClosed) return context;
    throw new BatchError('wrong_state', 'This client is closed; nothing was done. Make another one.');
  };

  async function ask<Input extends z.ZodObject, Reply extends WithNextStep>(
    operation: Operation<Input, Reply>,
    given: object,
    callOptions: object | null | undefined,
  ): Promise<Reply> {
    const { name, input } = operation;
    const followed = inToolsNames(givenObject(callOptions, 'options', name));
    const { args, waiting } = programCall({ ...followed, ...givenObject(given, 'work', name) }, name);
    return operation.run(opened(), readInput(input, args, name), waiting);
  }

  return {
    submit: (work, submitOptions) => ask(submit, work, submitOptions),
    status: (batch_id, call) => ask(status, { batch_id }, call),
    wait: (batch_id, call) => ask(wait, { batch_id }, call),
    results: async (batch_id, request) => withPlainNumbers(await ask(results, { batch_id }, request)),
    answers: (id) => readOf(id, 'answers', (batch_id) => answersOf(opened(), batch_id)),
    resultLines: (id) => readOf(id, 'resultLines', (batch_id) => linesOf(opened(), batch_id)),
    retry: (batch_id, request) => ask(retry, { batch_id }, request),
    cancel: (batch_id, call) => ask(cancel, { batch_id }, call),
    estimate: (work, estimateOptions) => ask(estimate, work, estimateOptions),
    collect: (call) => ask(collect, {}, call),
    list: async (request) => {
      const { group_by, ...others } = givenObject(request, 'options', 'list');
      return ask(list, group_by === undefined ? {} : { group_by: [group_by].flat() }, others);
    },
    adopt: (provider_batch_id, call) => ask(adopt, { provider_batch_id }, call),
    async close() {
      isClosed = true;
      await context.jobs.idle();
      await context.close();
    },
  };
}
