/** The public face, field by field: a field that goes, or means something else, does not compile. New ones may come. */
import type {
  AdoptReply,
  Answer,
  AnswerDetails,
  AttemptReport,
  BatchError,
  BatchReport,
  BatchResult,
  CallOptions,
  CancelReply,
  ClientOptions,
  ClientWork,
  CollectedBatch,
  CollectReply,
  CostUsd,
  ErrorCode,
  ErrorDigest,
  EstimateReply,
  ListedBatch,
  ListReply,
  NativeMessage,
  NativeResult,
  OutcomeTotals,
  Preparing,
  Problem,
  ProcessingStatus,
  Progress,
  ResultLine,
  ResultsReply,
  ResultsRequest,
  RetryReply,
  RetryRequest,
  ShownAnswer,
  StatusReply,
  SubmitOptions,
  SubmitReply,
  WaitReply,
} from 'batch-mcp';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = { [Key in keyof T]: T[Key] };
/** Whether a type has these fields, each of exactly this type, and as optional as here. */
type Has<T, Fields> = keyof Fields extends keyof T
  ? Same<Flat<Pick<T, keyof Fields & keyof T>>, Flat<Fields>>
  : false;
const holds = <T extends true>(): T | undefined => undefined;

type Outcome = 'succeeded' | 'incomplete' | 'errored' | 'expired' | 'canceled' | 'missing';
type Said = { warnings: string[]; next_step: string };

type Batch = {
  batch_id: string;
  name: string;
  provider: string;
  processing_status: ProcessingStatus;
  request_count: number;
  part_count: number;
  cost_usd: CostUsd | null;
  created_at: string;
  expires_at: string | null;
  ended_at: string | null;
  results_expire_at: string | null;
  results_state: 'none' | 'downloading' | 'saved';
  output_files: string[];
  attempts?: AttemptReport[];
  progress?: Progress;
  check_again_in_seconds: number;
};
type Counted = {
  outcomes: OutcomeTotals;
  request_counts: {
    processing: number;
    succeeded: number;
    errored: number;
    canceled: number;
    expired: number;
  };
};
type Whole<Reply> = Extract<Reply, { request_count: number }>;
type Unprepared<Reply> = Exclude<Reply, { request_count: number }>;

holds<Has<BatchReport, Batch & Counted & { warnings: string[] }>>();
holds<Has<Whole<SubmitReply>, Batch & Said & { duplicate: boolean }>>();
holds<Has<Whole<StatusReply>, Batch & Counted & Said>>();
holds<Has<Whole<WaitReply>, Batch & Counted & Said>>();
holds<Has<Whole<AdoptReply>, Batch & Counted & Said>>();
holds<Has<Whole<RetryReply>, Batch & Said & { dry_run?: true }>>();
holds<Has<CancelReply, Batch & Said>>();
/** A new state may come; these stay. */
holds<
  'in_progress' | 'canceling' | 'ended' | 'submitting' | 'unconfirmed' | 'not_sent' extends ProcessingStatus
    ? true
    : false
>();

type Unknown = {
  batch_id: string;
  provider: string;
  processing_status: ProcessingStatus;
  warnings: string[];
};
holds<Has<Preparing, Unknown & { progress?: Progress; check_again_in_seconds: number }>>();
holds<Has<Unprepared<SubmitReply>, Unknown & { next_step: string; duplicate: boolean }>>();
holds<Has<Unprepared<StatusReply>, Unknown & { next_step: string }>>();
holds<Has<Unprepared<WaitReply>, Unknown & { next_step: string }>>();
holds<Has<Unprepared<AdoptReply>, Unknown & { next_step: string }>>();

holds<
  Has<
    ResultsReply,
    Said & {
      batch_id: string;
      provider: string;
      processing_status: ProcessingStatus;
      detail: 'summary' | 'concise' | 'full';
      totals: OutcomeTotals & { total: number };
      results: ShownAnswer[];
      error_digest: ErrorDigest[];
      group_count?: number;
      next_cursor: string | null;
      results_state: 'none' | 'downloading' | 'saved';
      output_files: string[];
      cost_usd: CostUsd | null;
    }
  >
>();
holds<
  Has<
    EstimateReply,
    Said & {
      work_id?: string;
      request_count: number;
      cost_usd: CostUsd;
      standard_cost_usd: number;
      savings_usd: number;
      rests_on: string;
      by_model: { model: string; request_count: number; expected: number; maximum: number }[];
      preview: string | null;
      prices_as_of: string;
      advice: string[];
    }
  >
>();
holds<
  Has<
    ListReply,
    Said & {
      batches: ListedBatch[];
      totals: { batches: number; requests: number; actual_usd: number; open_expected_usd: number };
      next_cursor: string | null;
      remote_count?: number;
    }
  >
>();
holds<
  Has<
    ListedBatch,
    {
      batch_id: string;
      name: string;
      provider: 'anthropic' | 'sandbox';
      processing_status: ProcessingStatus;
      request_count: number;
      created_at: string;
      cost_usd: CostUsd | null;
    }
  >
>();
holds<Has<CollectReply, Said & { batches: CollectedBatch[] }>>();
holds<
  Has<
    CollectedBatch,
    { batch_id: string; outcomes: OutcomeTotals; actual_usd: number | null; problem: string | null }
  >
>();

holds<Same<OutcomeTotals, Record<Outcome | 'pending', number>>>();
holds<Has<AttemptReport, { attempt: number; request_count: number; outcomes: Partial<OutcomeTotals> }>>();
holds<
  Same<
    CostUsd,
    {
      expected: number;
      maximum: number;
      actual: number | null;
      basis: 'exact' | 'sampled' | 'estimated' | 'actual';
    }
  >
>();
holds<
  Has<
    ErrorDigest,
    {
      type: string;
      message: string;
      count: number;
      retryable: boolean;
      sample_task_ids: string[];
      suggestion: string;
    }
  >
>();
holds<
  Has<
    Answer,
    {
      task_id: string;
      outcome: Outcome | 'pending';
      text?: string;
      json?: unknown;
      stop_reason?: string;
      error?: { type: string; message: string; retryable: boolean };
      expected?: boolean;
      details?: AnswerDetails;
    }
  >
>();
holds<Has<AnswerDetails, { custom_id: string; attempt: number; model?: string; thinking_tokens?: number }>>();
holds<Same<ResultLine, { task_id: string; line: string | null }>>();

holds<
  Has<
    SubmitOptions,
    {
      name?: string | undefined;
      output_file?: string | undefined;
      output_pattern?: string | undefined;
      max_cost_usd?: number | undefined;
      retries?: number | undefined;
      force_new?: boolean | undefined;
      sandbox?: boolean | undefined;
      idempotency_key?: string | undefined;
      signal?: AbortSignal | undefined;
    }
  >
>();
holds<
  Has<
    ResultsRequest,
    {
      detail?: 'concise' | 'full' | 'summary' | undefined;
      task_ids?: readonly string[] | undefined;
      where?: Record<string, unknown> | undefined;
      limit?: number | undefined;
      cursor?: string | undefined;
      output_file?: string | undefined;
      overwrite?: boolean | undefined;
    }
  >
>();
holds<
  Has<
    RetryRequest,
    {
      requests?: readonly unknown[] | undefined;
      max_tokens?: number | undefined;
      dry_run?: boolean | undefined;
      resolve?: string | undefined;
    }
  >
>();
/** What a program gives along with a call, and nothing that is for agents alone. */
holds<
  Same<
    CallOptions,
    {
      signal?: AbortSignal | undefined;
      onProgress?: ((progress: Progress) => Promise<void> | void) | undefined;
    }
  >
>();
holds<
  Same<
    Progress,
    {
      stage: 'preparing' | 'asking' | 'sending' | 'waiting' | 'downloading' | 'writing';
      done: number;
      total: number | null;
      failed?: number;
      cost?: { usd: number; is_expected: boolean };
    }
  >
>();
holds<Has<ClientOptions, { apiKey?: string; flags?: readonly string[] }>>();
holds<
  { requests_file: string; model_tier: 'cheap'; labels: readonly ['a', 'b'] } extends ClientWork
    ? true
    : false
>();

holds<Same<Problem, { item?: string; field?: string; problem: string; valid?: string }>>();
holds<Same<BatchError['code'], ErrorCode>>();
holds<Same<BatchError['problems'], readonly Problem[]>>();
holds<
  Same<
    'api_uncertain' | 'cost_limit' | 'invalid_input' | 'no_credentials' extends ErrorCode ? true : false,
    true
  >
>();
holds<
  Has<BatchResult, { task_id: string; success: boolean; error: string | null; outcome: Outcome | 'pending' }>
>();
holds<Has<NativeResult, { custom_id: string }>>();
holds<Has<NativeResult['result'], { type: 'succeeded' | 'errored' | 'expired' | 'canceled' | 'missing' }>>();
holds<Has<NativeMessage, { model: string; stop_reason: string | null }>>();
