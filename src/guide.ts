import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Answer } from './answers/answer.ts';
import { type BatchClient, type CallOptions, type ClientOptions, createBatchClient } from './client.ts';
import { BatchError } from './errors.ts';
import { parseExact, withPlainNumbers } from './lib/exact-json.ts';
import { fileFailure } from './lib/files/file-failure.ts';
import { readRegularFile } from './lib/files/regular-file.ts';
import { readInput } from './operations/operation.ts';
import { givenObject, programArguments } from './operations/program-arguments.ts';
import { patience } from './operations/wait.ts';
import type { NativeRequest, NativeResult, StatusReply } from './public-types.ts';

/** For how long a download that falls short is repeated. */
const LONGEST_DOWNLOAD_SECONDS = 15 * 60;

/** In seconds. */
export type WaitOptions = CallOptions & { pollInterval?: number; timeout?: number };

/**
 * Native requests in, native results out: for programs that were written against the Message Batches API itself. A thin
 * face over `createBatchClient`, with its safety: nothing is paid twice, and a batch outlives the program.
 */
export class AnthropicBatchProvider {
  readonly #client: Promise<BatchClient>;

  /** `apiKey` stands in for the credentials of the environment. */
  constructor(options: ClientOptions = {}) {
    this.#client = createBatchClient(options);
    // Whoever calls first is told.
    this.#client.catch(() => {});
  }

  /** Sends the requests and gives the batch's id. Throws a `BatchError` with every problem; nothing was sent then. */
  async createBatch(requests: readonly NativeRequest[], options: CallOptions = {}): Promise<string> {
    const client = await this.#client;
    return (await client.submit({ requests }, options)).batch_id;
  }

  async getBatchStatus(batchId: string): Promise<StatusReply> {
    return (await this.#client).status(batchId);
  }

  /** The results in the order of the requests, once they are downloaded. Throws `wrong_state` while the batch runs. */
  async getBatchResults(batchId: string): Promise<NativeResult[]> {
    const client = await this.#client;
    const { processing_status } = await client.wait(batchId, { timeout: 1 });
    if (processing_status !== 'ended') {
      throw new BatchError(
        'wrong_state',
        `${batchId} has not ended: it is ${processing_status}. Call waitForBatch first.`,
      );
    }
    // A line that has not been downloaded yet is not a missing one.
    await requireEnd(client, batchId, { timeout: LONGEST_DOWNLOAD_SECONDS });
    const results: NativeResult[] = [];
    for await (const { task_id, line } of client.resultLines(batchId)) {
      results.push(line === null ? { custom_id: task_id, result: { type: 'missing' } } : JSON.parse(line));
    }
    return results;
  }

  /** Waits for the end, 25 hours at most unless `timeout` says otherwise, and gives the results. */
  async waitForBatch(batchId: string, options: WaitOptions = {}): Promise<NativeResult[]> {
    const client = await this.#client;
    await requireEnd(client, batchId, options);
    return this.getBatchResults(batchId);
  }

  /** Cancels what has not been processed yet; what is finished stays, and is paid. */
  async cancelBatch(batchId: string): Promise<StatusReply> {
    const client = await this.#client;
    await client.cancel(batchId);
    return client.status(batchId);
  }

  async close(): Promise<void> {
    await (await this.#client).close();
  }
}

/** Waits for the end and for all results; throws `wrong_state` where they do not come in time. The batch goes on then. */
async function requireEnd(client: BatchClient, batchId: string, options: WaitOptions): Promise<void> {
  const reply = await client.wait(batchId, options);
  const { processing_status } = reply;
  if (processing_status === 'ended' && 'results_state' in reply && reply.results_state === 'saved') return;
  const how =
    processing_status === 'ended'
      ? 'has ended, and not all of its results are downloaded yet'
      : `has not ended: it is ${processing_status}`;
  throw new BatchError(
    'wrong_state',
    `${batchId} ${how}. Nothing is lost: wait for the same id again later.`,
  );
}

/** One task, as the operations take it: a task type with its input, or a prompt. */
export type BatchRequest = {
  task_id: string;
  task_type?: string;
  input_data?: Readonly<Record<string, unknown>>;
  prompt?: string;
  /** Default: `capable`. */
  model_tier?: 'cheap' | 'capable' | 'premium';
  [setting: string]: unknown;
};

const EXECUTE = 'executeBatch';
const fileArguments = z.object({ file: z.string() });

/** What became of a task. */
export type BatchResult = {
  task_id: string;
  /** Whether there is a finished answer. */
  success: boolean;
  output: {
    content: string;
    usage: unknown;
    model: string | undefined;
    stop_reason: string | undefined;
    /** The parsed answer, where the task asked for JSON. */
    json?: unknown;
  } | null;
  error: string | null;
  outcome: Answer['outcome'];
};

const requestTask = z.looseObject({ task_id: z.string({ error: 'a text' }) }, { error: 'a task, {…}' });
const requestList = z.array(requestTask, { error: 'an array of tasks, each with its task_id' });

/**
 * A whole job in one call: submit, wait, read. A thin face over `createBatchClient`, with its safety: run again after a crash,
 * the same requests follow the batch that exists.
 */
export class BatchProcessingWorkflow {
  readonly #client: Promise<BatchClient>;
  /** The tasks exactly as in their file, by the ones handed out: JavaScript's numbers hold fewer digits. */
  readonly #written = new WeakMap<BatchRequest, { given: string; exact: BatchRequest }>();

  /** `apiKey` stands in for the credentials of the environment. */
  constructor(options: ClientOptions = {}) {
    this.#client = createBatchClient(options);
    // Whoever calls first is told.
    this.#client.catch(() => {});
  }

  /**
   * Sends the requests, waits for the batch's end and gives a result for each, in their order. Throws `invalid_input` with every
   * problem, `cost_limit` or `no_credentials` before anything is sent, and `wrong_state` after `timeout` seconds: the batch goes on.
   */
  async executeBatch(requests: readonly BatchRequest[], options: WaitOptions = {}): Promise<BatchResult[]> {
    const client = await this.#client;
    const {
      signal,
      onProgress,
      pollInterval: poll_interval,
      ...more
    } = givenObject(options, 'options', EXECUTE);
    // A wrong one is told before anything is sent, and not once it is paid.
    readInput(patience, programArguments({ poll_interval, ...more }, EXECUTE), EXECUTE);
    const given = Array.isArray(requests) ? requests.map((request) => this.#asWritten(request)) : requests;
    const { batch_id } = await client.submit({ requests: given }, { signal, onProgress });
    await requireEnd(client, batch_id, options);
    const results: BatchResult[] = [];
    for await (const answer of client.answers(batch_id)) results.push(toResult(answer));
    return results;
  }

  /** Reads an array of tasks from a JSON file. The tasks themselves are checked when they are sent. */
  async loadRequestsFromFile(file: string): Promise<BatchRequest[]> {
    readInput(fileArguments, { file }, 'loadRequestsFromFile');
    const text = (await readTasks(file)).replace(/^\uFEFF/, '');
    const read = requestList.safeParse(jsonIn(text, file));
    if (read.success) return read.data.map((exact) => this.#giveOut(exact));
    throw new BatchError('invalid_input', `${file} is not a list of tasks.`, {
      problems: read.error.issues.map(({ path, message }) => ({
        item: path.join('.') || file,
        problem: 'is not valid',
        valid: message,
      })),
    });
  }

  #giveOut(exact: BatchRequest): BatchRequest {
    const given = withPlainNumbers(exact);
    if (given !== exact) this.#written.set(given, { given: JSON.stringify(given), exact });
    return given;
  }

  /** A task that the program has changed since is sent as it is now. */
  #asWritten(request: BatchRequest): BatchRequest {
    const written = this.#written.get(request);
    return written?.given === JSON.stringify(request) ? written.exact : request;
  }

  /** Writes results as indented JSON. A file of that name is replaced. */
  async saveResultsToFile(results: readonly BatchResult[], file: string): Promise<void> {
    readInput(
      fileArguments.extend({ results: z.array(z.unknown()) }),
      { file, results },
      'saveResultsToFile',
    );
    try {
      await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
    } catch (error) {
      throw fileFailure(`write ${JSON.stringify(file)}`, error);
    }
  }

  async close(): Promise<void> {
    await (await this.#client).close();
  }
}

async function readTasks(file: string): Promise<string> {
  try {
    return await readRegularFile(file);
  } catch (error) {
    throw fileFailure(`read ${JSON.stringify(file)}`, error);
  }
}

function jsonIn(text: string, file: string): unknown {
  try {
    return parseExact(text).value;
  } catch (cause) {
    throw new BatchError('invalid_input', `${file} is not a JSON file.`, { cause });
  }
}

function toResult({ task_id, outcome, text, json, stop_reason, error, details }: Answer): BatchResult {
  const hasAnswer = text !== undefined || json !== undefined;
  return {
    task_id,
    success: outcome === 'succeeded',
    output: hasAnswer
      ? {
          content: text ?? JSON.stringify(json),
          usage: details?.usage,
          model: details?.model,
          stop_reason,
          ...(json !== undefined && { json }),
        }
      : null,
    error: error === undefined ? null : `${error.type}: ${error.message}`,
    outcome,
  };
}
