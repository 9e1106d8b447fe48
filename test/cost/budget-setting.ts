import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import type { Context } from '../../src/state/context.ts';
import type { PartState } from '../../src/store/part-state.ts';
import type { BatchRecord, Part } from '../../src/store/record.ts';

/** A context over the data folder in `folder`, with a daily budget; it works in tests and in their processes. */
export async function openContext(folder: string, dollars: number, now?: () => Date): Promise<Context> {
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const env = {
    BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
    BATCH_MCP_WORK_DIR: work,
    BATCH_MCP_DAILY_BUDGET_USD: String(dollars),
  };
  const config = readConfig({ env, argv: [], cwd: work, home: folder });
  return createContext(config, () => {}, { ...(now && { now }) });
}

const time = '2026-11-22T08:00:00.000Z';

/** Commits a batch with a maximum in dollars, and a part of ten requests for each state. */
export async function commitBatch(
  context: Context,
  maximum: number,
  states: readonly PartState[],
  provider: BatchRecord['provider'] = 'anthropic',
): Promise<BatchRecord> {
  const staging = await context.store.stage();
  const parts = states.map(
    (progress, index): Part => ({
      number: index + 1,
      attempt: 1,
      request_count: 10,
      first_task: index * 10,
      tasks: 'run' as const,
      body_bytes: 100,
      body_sha256: 'ab',
      progress,
    }),
  );
  const record: BatchRecord = {
    schema: 1,
    batch_id: staging.batchId,
    name: 'test',
    project: null,
    provider,
    base_url: 'http://127.0.0.1',
    workspace: null,
    created_at: time,
    content_hash: 'ab'.repeat(32),
    idempotency_key: null,
    request_count: 10 * parts.length,
    owner: context.store.presence.self(),
    force_new: false,
    estimate: { expected: maximum / 2, maximum, basis: 'estimated' },
    outputs: [],
    warnings: [],
    adopted: false,
    parts,
  };
  await staging.commit(record);
  return record;
}

export const prepared: PartState = { state: 'prepared' };
export const notSent: PartState = {
  state: 'not_sent',
  failure: { code: 'api_refused', message: 'no', at: time },
};

const intent = (context: Context) => ({
  sender: context.store.presence.self(),
  at: time,
  send_deadline: time,
  base_url: 'http://127.0.0.1',
  workspace: null,
  key_salt: 'salt',
  key_hash: 'hash',
  watermark: null,
  rejected: [],
});

export function unconfirmed(context: Context): PartState {
  const failure = { code: 'api_uncertain', message: 'who knows', at: time };
  return { state: 'unconfirmed', intent: intent(context), failure, empty_listings: 0, candidates: [] };
}

const noCounts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

/** A part at the provider; with a cost in dollars (null: no price is known) its results are saved. */
export function created(
  context: Context,
  cost?: number | null,
  counts: object = { succeeded: 10 },
): PartState {
  const tokens = {
    requests: 10,
    input_tokens: 100,
    output_tokens: 100,
    cache_read_tokens: 0,
    cache_write_5m_tokens: 0,
    cache_write_1h_tokens: 0,
    web_searches: 0,
  };
  return {
    state: 'created',
    intent: intent(context),
    provider_batch_id: 'msgbatch_1',
    tentative: false,
    not_found_since: null,
    seen: {
      processing_status: cost === undefined ? 'in_progress' : 'ended',
      request_counts: { ...noCounts, ...(cost === undefined ? { processing: 10 } : counts) },
      created_at: time,
      expires_at: time,
      ended_at: cost === undefined ? null : time,
    },
    results:
      cost === undefined
        ? null
        : {
            saved_at: time,
            bytes: 0,
            outcomes: {
              succeeded: 0,
              incomplete: 0,
              errored: 0,
              expired: 0,
              canceled: 0,
              missing: 0,
              ...counts,
            },
            usage:
              cost === 0
                ? []
                : [
                    {
                      ...tokens,
                      model: 'claude-sonnet-5-5',
                      task_type: null,
                      effort: null,
                      thinking_tokens: 0,
                      cost_usd: cost,
                    },
                  ],
            failures: [],
            warnings: [],
          },
  };
}

/** Puts a part of a committed batch into another state. */
export async function setPart(
  context: Context,
  { batch_id }: BatchRecord,
  number: number,
  progress: PartState,
): Promise<BatchRecord> {
  const changed = await context.store.record(batch_id).update(
    (current) =>
      current && {
        ...current,
        parts: current.parts.map((part) => (part.number === number ? { ...part, progress } : part)),
      },
  );
  if (changed === null) throw new Error('no such batch');
  return changed;
}
