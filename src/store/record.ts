import * as z from 'zod';
import { efforts } from '../provider/models.ts';
import { providerNames } from '../provider/provider.ts';

/**
 * What the store keeps of a batch, checked whenever it is read. A field is only ever added, with a default;
 * a change of meaning is a new `schema` number.
 */

const count = z.int().nonnegative();
const time = z.string();

/**
 * One per task: what became of it. The results index keeps their places here, so the list only grows at its end.
 * A task is `pending` while its part runs or was never sent.
 */
export const outcomes = ['succeeded', 'incomplete', 'errored', 'expired', 'canceled', 'missing'] as const;
export type Outcome = (typeof outcomes)[number];

export const requestCounts = z.object({
  processing: count,
  succeeded: count,
  errored: count,
  canceled: count,
  expired: count,
});

const outcomeCounts = z.object({
  succeeded: count,
  incomplete: count,
  errored: count,
  expired: count,
  canceled: count,
  missing: count,
});
export type OutcomeCounts = z.infer<typeof outcomeCounts>;

/** A process, told apart from a later one that got its number. */
export const processIdentity = z.object({
  host: z.string(),
  pid: z.int(),
  /** When the process started, in a form that is compared only for equality on the same host. */
  started: z.string(),
  nonce: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

/** Written before a create goes out: all that is needed to settle it if its answer never comes. */
export const intent = z.object({
  sender: processIdentity,
  at: time,
  /** After this the sender has given up, hard. */
  send_deadline: time,
  base_url: z.string(),
  workspace: z.string().nullable(),
  key_salt: z.string(),
  key_hash: z.string(),
  /** The newest batch id that the API listed just before; null when it listed none. */
  watermark: z.string().nullable(),
  /** The provider's batches that were taken for it and proved not to be. */
  rejected: z.array(z.string()).default([]),
  /** The newest batch that the API listed when first any could be it: none above it can. */
  newest: z.string().exactOptional(),
});
export type Intent = z.infer<typeof intent>;

/** Which credential: its salted hash gives none away. */
const keyMark = z.object({ key_salt: z.string(), key_hash: z.string() });
export type KeyMark = z.infer<typeof keyMark>;

/** The provider's batch as it was when its state last changed; times are the provider's. */
const seenBatch = z.object({
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
  request_counts: requestCounts,
  created_at: time,
  expires_at: time,
  ended_at: time.nullable(),
});

export type SeenBatch = z.infer<typeof seenBatch>;

/** Tokens as the answers' `usage` has them, and what they cost in batch, in US dollars. */
export const usage = z.object({
  model: z.string(),
  /** Null where the tasks have none. */
  task_type: z.string().nullable(),
  /** Null where it was left to the model. */
  effort: z.enum(efforts).nullable().default(null),
  requests: count,
  input_tokens: count,
  output_tokens: count,
  /** Of the output. */
  thinking_tokens: count.default(0),
  cache_read_tokens: count,
  cache_write_5m_tokens: count,
  cache_write_1h_tokens: count,
  web_searches: count,
  /** Null where the model has no known price. */
  cost_usd: z.number().nonnegative().nullable(),
});
export type Usage = z.infer<typeof usage>;

/** Failures of one cause. */
export const failureGroup = z.object({
  type: z.string(),
  message: z.string(),
  count,
  sample_ordinals: z.array(count),
});
export type FailureGroup = z.infer<typeof failureGroup>;

/** How results are judged by this version. Raised where that changes what an answer counts as. */
export const SCAN = 2;

/** What a whole, checked download held; computed once, when it came in. */
export const savedResults = z.object({
  /** How it was judged; left out by the first version. */
  scan: z.int().exactOptional(),
  saved_at: time,
  bytes: count,
  outcomes: outcomeCounts,
  /** One per model and task type. */
  usage: z.array(usage),
  failures: z.array(failureGroup),
  /** What was not right with the download, said in words. */
  warnings: z.array(z.string()),
});
export type SavedResults = z.infer<typeof savedResults>;

const failure = z.object({
  code: z.string(),
  message: z.string(),
  at: time,
  /** The HTTP status, where the API answered. */
  status: z.int().exactOptional(),
});
export type Failure = z.infer<typeof failure>;

/** A provider's batch that could be an uncertain part, as it was listed last. */
const candidate = z.object({
  id: z.string(),
  created_at: time,
  request_count: count,
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
});
export type Candidate = z.infer<typeof candidate>;

/** Where a part is on its way; what each state knows, and no more. */
const partState = z.discriminatedUnion('state', [
  z.object({ state: z.literal('prepared') }),
  z.object({ state: z.literal('sending'), intent }),
  /** Sent, perhaps: nothing is sent again until it is settled. No byte of it left after `failure.at`. */
  z.object({
    state: z.literal('unconfirmed'),
    intent,
    failure,
    /** Complete listings without a trace of it, each begun late enough; two prove that it was not made. */
    empty_listings: count.default(0),
    /** The provider's batches that could be it, where there are several. */
    candidates: z.array(z.string()).default([]),
    /** What is known of these, newest first. Not kept by versions before. */
    known: z.array(candidate).exactOptional(),
  }),
  /** The API said no, or could not be reached: nothing was made, nothing paid. */
  z.object({ state: z.literal('not_sent'), failure }),
  z.object({
    state: z.literal('created'),
    /** Null for a batch that another program made. */
    intent: intent.nullable(),
    provider_batch_id: z.string(),
    /** Taken for ours because it is the only one that can be; its results will prove it. */
    tentative: z.boolean().default(false),
    /** Since when the provider says that it does not know it. */
    not_found_since: time.nullable().default(null),
    seen: seenBatch,
    results: savedResults.nullable(),
  }),
]);
export type PartState = z.infer<typeof partState>;

/** The mark under which the last request is sent, and where in the body it stands, in bytes, under its own id. */
const partMark = z.object({ sent: z.string(), own: z.string(), offset: count, length: count });
export type PartMark = z.infer<typeof partMark>;

export const part = z.object({
  number: z.int().positive(),
  attempt: z.int().positive(),
  request_count: count,
  /** The ordinal of its first task. */
  first_task: count,
  /** `run`: its tasks follow one another from the first; `listed`: they stand in a file of the part, as a retry's do. */
  tasks: z.enum(['run', 'listed']).default('run'),
  body_bytes: count,
  body_sha256: z.string(),
  /** What proves that a provider's batch is this part. Not made by versions before. */
  mark: partMark.exactOptional(),
  /** What it can cost at most, in US dollars; left out where that is its share of the batch's estimate. */
  maximum_usd: z.number().nonnegative().optional(),
  /** Sent again by whoever saw the end, within what the work had reserved: its figures add nothing to the batch's. */
  by_itself: z.literal(true).exactOptional(),
  /** What it is expected to cost, in US dollars; left out as `maximum_usd` is. */
  expected_usd: z.number().nonnegative().optional(),
  /** The batch whose answers it holds: nothing of it was sent by this one. */
  reused_from: z.string().exactOptional(),
  progress: partState,
});
export type Part = z.infer<typeof part>;
export type CreatedPart = Part & { progress: Extract<PartState, { state: 'created' }> };

export const costEstimate = z.object({
  expected: z.number().nonnegative(),
  maximum: z.number().nonnegative(),
  basis: z.enum(['exact', 'sampled', 'estimated']),
});

/** A file that the caller asked for at submission. */
const requestedOutput = z.object({
  path: z.string(),
  /** Null until written. */
  written_at: time.nullable(),
  /** Why it could not be written, when it couldn't. */
  problem: z.string().nullable(),
  /** The key of each answer that it holds alone; left out where it holds answers whole. */
  key: z.string().exactOptional(),
  /** Which answers it holds, as JSON; left out where it holds all. */
  filters: z.string().exactOptional(),
});

/** Files of which each finished answer gets one, under a name of its row's or file's. */
const answerFiles = z.object({
  /** As it was given: `{{dir}}/{{stem}}.md`. */
  pattern: z.string(),
  key: z.string().exactOptional(),
  /** When all that can be written was; null until then. */
  written_at: time.nullable(),
  /** Why none could be written, when none could. */
  problem: z.string().nullable(),
  written: count,
  /** Answers that got no file, counted by why. */
  left: z.array(z.object({ why: z.string(), count })),
  /** Files that hold the code of an answer that said more. */
  code_only: count.exactOptional(),
});
export type AnswerFiles = z.infer<typeof answerFiles>;

/** That its owner was told of an end: claimed before it is done, so that several processes tell once. */
const told = z.object({
  /** How many parts it had then: with another attempt it ends again. */
  parts: count,
  by: processIdentity,
  at: time,
  /** Null until it is known what came of it. */
  outcome: z.enum(['done', 'failed']).nullable(),
});

export const batchRecord = z.object({
  schema: z.literal(1),
  batch_id: z.string(),
  name: z.string(),
  project: z.string().nullable(),
  provider: z.enum(providerNames),
  base_url: z.string(),
  workspace: z.string().nullable(),
  created_at: time,
  content_hash: z.string(),
  /** A program's own mark of the work: with one, it alone decides what is the same submission. */
  idempotency_key: z.string().nullable().default(null),
  request_count: count,
  /** Who prepared it: while this process lives, it is the one to send. */
  owner: processIdentity,
  /** The credential that it is to be sent with. Not kept by versions before. */
  key: keyMark.exactOptional(),
  /** Sent though the same work had been submitted before: the caller asked for it. */
  force_new: z.boolean(),
  estimate: costEstimate.nullable(),
  outputs: z.array(requestedOutput),
  /** The last that were asked for. */
  answer_files: answerFiles.exactOptional(),
  /** What it was made from. Not kept by versions before. */
  source: z.enum(['requests', 'requests_file', 'rows_file', 'input_files']).exactOptional(),
  warnings: z.array(z.string()),
  /** It came to nothing before it was sent, and is in no list. */
  never_sent: z.object({ at: time, why: z.string() }).exactOptional(),
  /** How many times what fails is sent again without being asked, and why it is no longer. */
  retries: z.object({ asked: count, stopped: z.string().nullable() }).exactOptional(),
  /** What a pilot had answered already: how many tasks, and what they cost then, null where that is not known. */
  reused: z.object({ count, usd: z.number().nonnegative().nullable(), batch_id: z.string() }).exactOptional(),
  /** Which key of an answer is compared with which column of its row. */
  expect: z.record(z.string(), z.string()).exactOptional(),
  /** Made by another program; its tasks are known when its results are in. */
  adopted: z.boolean().default(false),
  told: told.exactOptional(),
  parts: z.array(part),
});
export type BatchRecord = z.infer<typeof batchRecord>;
