import { writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Answer } from '../answers/answer.ts';
import { type BatchClient, type ClientOptions, createBatchClient } from '../client.ts';
import { BatchError } from '../errors.ts';
import { readRegularFile } from '../lib/files/regular-file.ts';
import { requireEnd, type WaitOptions } from './anthropic-batch-provider.ts';

/** One task, as the operations take it: of a task type with its input, or with a prompt of its own. */
export type BatchRequest = {
  task_id: string;
  task_type?: string;
  input_data?: Readonly<Record<string, unknown>>;
  prompt?: string;
  /** Default: `capable`. */
  model_tier?: 'cheap' | 'capable' | 'premium';
  [setting: string]: unknown;
};

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

const requestList = z.array(z.looseObject({ task_id: z.string() }), {
  error: 'an array of tasks, each with its task_id',
});

/**
 * A whole job in one call: submit, wait, read. A thin face over `createBatchClient`, with its safety: run again after a crash,
 * the same requests follow the batch that exists.
 */
export class BatchProcessingWorkflow {
  readonly #client: Promise<BatchClient>;

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
    const { signal, onProgress } = options;
    const { batch_id } = await client.submit({ requests }, { signal, onProgress });
    await requireEnd(client, batch_id, options);
    const results: BatchResult[] = [];
    for await (const answer of client.answers(batch_id)) results.push(toResult(answer));
    return results;
  }

  /** Reads an array of tasks from a JSON file. The tasks themselves are checked when they are sent. */
  async loadRequestsFromFile(file: string): Promise<BatchRequest[]> {
    const text = (await readRegularFile(file)).replace(/^\uFEFF/, '');
    const read = requestList.safeParse(jsonIn(text, file));
    if (read.success) return read.data;
    throw new BatchError('invalid_input', `${file} is not a list of tasks.`, {
      problems: read.error.issues.map(({ path, message }) => ({
        item: path.join('.') || file,
        problem: 'is not as it should be',
        valid: message,
      })),
    });
  }

  /** Writes results as indented JSON. A file of that name is replaced. */
  async saveResultsToFile(results: readonly BatchResult[], file: string): Promise<void> {
    await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  }

  async close(): Promise<void> {
    await (await this.#client).close();
  }
}

function jsonIn(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
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
