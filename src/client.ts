import { readConfig } from './config/config.ts';
import { createContext } from './config/create-context.ts';
import type { Environment } from './config/read-settings.ts';
import { createLog, type Log } from './log.ts';
import { cancel } from './operations/cancel.ts';
import { type Estimate, estimateWork } from './operations/estimate.ts';
import { type BatchList, type ListRequest, list } from './operations/list.ts';
import { describeStatus, describeSubmission } from './operations/replies/describe.ts';
import { type BatchReport, reportOf } from './operations/replies/report.ts';
import { type Results, type ResultsRequest, results } from './operations/results.ts';
import { type SubmitOptions, submit } from './operations/submit.ts';
import type { TaskDefaults } from './tasks/task.ts';
import type { Work } from './tasks/work.ts';

/** The operations of the tools, for a program: same arguments, same replies, same errors (`BatchError`). */
export type BatchClient = {
  /** With `idempotency_key` the same key is the same submission for good, however often a program restarts. */
  submit(work: ClientWork, options?: SubmitOptions): ReturnType<typeof describeSubmission>;
  /** Waits up to 20 seconds for the end where asked to. */
  status(batchId: string, options?: { waitSeconds?: number }): ReturnType<typeof describeStatus>;
  results(batchId: string, request?: ResultsRequest): Promise<Results>;
  cancel(batchId: string): Promise<BatchReport>;
  estimate(work: ClientWork): Promise<Estimate>;
  list(request?: Partial<ListRequest>): Promise<BatchList>;
  /** Waits for what goes on in this process, then frees what it holds open. */
  close(): Promise<void>;
};

/** Tasks as an array or in a file, with defaults for those that set none. */
export type ClientWork = TaskDefaults & { max_tasks?: number } & (
    | { requests: readonly unknown[] }
    | { requests_file: string }
  );

export type ClientOptions = {
  /** Settings as the server's environment has them. Default: the process's own. */
  env?: Environment;
  /** Settings as on the server's command line, as in `['--sandbox']`. */
  flags?: readonly string[];
  /** Default: nothing is logged. */
  log?: Log;
};

function toWork({ max_tasks, ...given }: ClientWork): Work {
  if ('requests' in given) {
    const { requests: items, ...defaults } = given;
    return { source: { kind: 'requests', items }, defaults, max_tasks };
  }
  const { requests_file: path, ...defaults } = given;
  return { source: { kind: 'requests_file', path }, defaults, max_tasks };
}

/** Opens the data folder for a program. Several may work on one data folder at once, servers among them. */
export async function createBatchClient(options: ClientOptions = {}): Promise<BatchClient> {
  const {
    env = process.env,
    flags = [],
    log = createLog({ level: 'error', write: () => {}, secrets: [] }),
  } = options;
  const context = await createContext(readConfig({ env, argv: flags }), log);
  return {
    submit: async (work, submitOptions = {}) =>
      describeSubmission(context, await submit(context, toWork(work), submitOptions)),
    status: (batchId, watchOptions = {}) => describeStatus(context, batchId, watchOptions),
    results: (batchId, request = {}) => results(context, batchId, request),
    cancel: async (batchId) => reportOf(context, await cancel(context, batchId)),
    estimate: (work) => estimateWork(context, toWork(work)),
    list: ({ limit = 20, ...request } = {}) => list(context, { limit, ...request }),
    async close() {
      await context.jobs.idle();
      await context.close();
    },
  };
}
