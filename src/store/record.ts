import * as z from 'zod';
import { ownId } from '../lib/mark.ts';
import { momentText } from '../lib/time.ts';
import { providerNames } from '../provider/provider.ts';
import { partState } from './part-state.ts';
import { processIdentity } from './process-identity.ts';

/**
 * A batch's record in the store, checked whenever it is read. Fields are only ever added, with a default; a change of
 * meaning needs a new `schema` number.
 */

const count = z.int().nonnegative();

/** Identifies a credential by a salted hash, which does not give it away. */
const keyMark = z.object({ key_salt: z.string(), key_hash: z.string() });
export type KeyMark = z.infer<typeof keyMark>;

/** The mark under which the last request is sent, and the bytes in the body where the request has its own id. */
const partMark = z
  .object({ sent: z.string(), own: z.string(), offset: count, length: count })
  .refine(({ sent, own }) => own.startsWith(ownId(sent)), { error: 'it is of another request' });
export type PartMark = z.infer<typeof partMark>;

const sendFate = z.object({
  /** The provider's batches that it could be and that have not been examined. */
  candidates: z.array(z.string()),
  /** `made`: it was made, and paid for in addition to the one that the part is. */
  fate: z.enum(['open', 'made', 'not_made']),
  /** The provider's batch that it was made as. Not kept by versions before. */
  made_as: z.string().exactOptional(),
  /** What that batch cost, in US dollars; null where a model has no known price. */
  usd: z.number().nonnegative().nullable().exactOptional(),
  /**
   * The candidates whose results the provider no longer has: there is no way to tell any more whether it was one of them.
   */
  gone: z.array(z.string()).exactOptional(),
});
export type SendFate = z.infer<typeof sendFate>;

const part = z.object({
  number: z.int().positive(),
  attempt: z.int().positive(),
  /** Its tasks. */
  request_count: count,
  /**
   * The number of its requests, where tasks share some, as the provider counts them. Left out where each task has its
   * own.
   */
  packs: count.exactOptional(),
  /** The ordinal of its first task. */
  first_task: count,
  /** `run`: its tasks are consecutive from the first; `listed`: they are in a file of the part, as for a retry. */
  tasks: z.enum(['run', 'listed']).default('run'),
  body_bytes: count,
  body_sha256: z.string(),
  /** Proves that a provider's batch is this part. Older versions made none. */
  mark: partMark.exactOptional(),
  /** Its maximum cost, in US dollars; left out where that is its share of the batch's estimate. */
  maximum_usd: z.number().nonnegative().optional(),
  /** An automatic retry, within the reserved maximum: its figures add nothing to the batch's. */
  by_itself: z.literal(true).exactOptional(),
  /** Its expected cost, in US dollars; left out as `maximum_usd` is. */
  expected_usd: z.number().nonnegative().optional(),
  /** The number of earlier sends of unknown fate, after which a person had it sent again. */
  unknown_sends: count.exactOptional(),
  /** What became of each of these, oldest first, as far as that is known. Not kept by versions before. */
  fates: z.array(sendFate).exactOptional(),
  /** Sent once the part with this number has ended: the provider's cache then holds the beginning of its requests. */
  after: z.int().positive().exactOptional(),
  /**
   * Whether its requests are sent with their cache marks, or with these blanked out. Left out where they have none.
   */
  cache: z.enum(['marked', 'blank']).exactOptional(),
  /** The batch whose answers it reuses: nothing of it was sent by this batch. */
  reused_from: z.string().exactOptional(),
  progress: partState,
});
export type Part = z.infer<typeof part>;
export type CreatedPart = Part & { progress: Extract<Part['progress'], { state: 'created' }> };

const costEstimate = z.object({
  expected: z.number().nonnegative(),
  maximum: z.number().nonnegative(),
  basis: z.enum(['exact', 'sampled', 'estimated']),
});

/** A file that the submission asks for. */
const requestedOutput = z.object({
  path: z.string(),
  /** Null until written. */
  written_at: momentText.nullable(),
  /** Why it could not be written, if so. */
  problem: z.string().nullable(),
  /** The single key of each answer that it holds; left out where it holds whole answers. */
  key: z.string().exactOptional(),
  /** The keys that answers do have, where none has that one. */
  keys: z.array(z.string()).exactOptional(),
  /** Which answers it holds, as JSON; left out where it holds all. */
  filters: z.string().exactOptional(),
  /** Halves of characters in it that UTF-8 can't hold. */
  halves: count.exactOptional(),
});

/** A file per finished answer, named after its row or file. */
const answerFiles = z.object({
  /** As it was given: `{{dir}}/{{stem}}.md`. */
  pattern: z.string(),
  key: z.string().exactOptional(),
  keys: z.array(z.string()).exactOptional(),
  /** When all possible files were written; null until then. */
  written_at: momentText.nullable(),
  /** Why none could be written, if so. */
  problem: z.string().nullable(),
  written: count,
  /** Answers without a file, counted by reason, with the first of them; failed tasks are named elsewhere. */
  left: z.array(z.object({ why: z.string(), count, sample_task_ids: z.array(z.string()).exactOptional() })),
  /** How many files hold only the code of an answer that says more. */
  code_only: count.exactOptional(),
  /** Files of code that hold words, with the first of their tasks. Not kept by versions before. */
  words: z.object({ count, sample_task_ids: z.array(z.string()) }).exactOptional(),
  /** Halves of characters in them that UTF-8 can't hold. */
  halves: count.exactOptional(),
});
export type AnswerFiles = z.infer<typeof answerFiles>;

/** Whether its owner was told of an end: claimed beforehand, so that only one of several processes tells. */
const told = z.object({
  /** How many parts it had then: with another attempt it ends again. */
  parts: count,
  by: processIdentity,
  at: momentText,
  /** Null until the outcome is known. */
  outcome: z.enum(['done', 'failed']).nullable(),
});

const reused = z.object({ count, usd: z.number().nonnegative().nullable(), batch_id: z.string() });
export type Reused = z.infer<typeof reused>;

export const batchRecord = z.object({
  schema: z.literal(1),
  batch_id: z.string(),
  name: z.string(),
  project: z.string().nullable(),
  /** Who submitted it over HTTP; left out where the store's owner did. */
  user: z.string().exactOptional(),
  /** The same work of others is another batch. */
  apart: z.literal(true).exactOptional(),
  provider: z.enum(providerNames),
  base_url: z.string(),
  workspace: z.string().nullable(),
  created_at: momentText,
  content_hash: z.string(),
  /** A program's own key for the work, which alone decides what counts as the same submission. */
  idempotency_key: z.string().nullable().default(null),
  request_count: count,
  /** The process that prepared it, which sends it for as long as it lives. */
  owner: processIdentity,
  /** The credential that it is to be sent with. Not kept by versions before. */
  key: keyMark.exactOptional(),
  /** Sent on request although the same work had been submitted before. */
  force_new: z.boolean(),
  estimate: costEstimate.nullable(),
  outputs: z.array(requestedOutput),
  /** The most recently requested ones. */
  answer_files: answerFiles.exactOptional(),
  /** What it was made from. Not kept by versions before. */
  source: z.enum(['requests', 'requests_file', 'rows_file', 'input_files', 'from_batch']).exactOptional(),
  /** How the table of its rows is written, which a `.csv` of its answers follows. Not kept by older versions. */
  form: z
    .object({ separator: z.enum([',', ';']), marked: z.boolean(), crlf: z.literal(true).exactOptional() })
    .exactOptional(),
  /** Its rows' columns in the order in which they were written, where their objects have another. */
  columns: z.array(z.string()).exactOptional(),
  /**
   * The batch whose answers it works on, while these are not in yet and its own tasks not known: `request_count` and the
   * estimate are bounds then. Of its answers, the output tokens at most and about.
   */
  waits: z.object({ batch_id: z.string(), longest_answer: count, expected_answer: count }).exactOptional(),
  /** The number of tasks of each stage, in order, where answers are merged until one is left. */
  merge: z.object({ stages: z.array(count) }).exactOptional(),
  /** Batches that wait for its answers, and are sent once it has ended. */
  followed_by: z.array(z.string()).exactOptional(),
  warnings: z.array(z.string()),
  /** Set where it was abandoned before it was sent; no list shows it then. */
  never_sent: z.object({ at: momentText, why: z.string() }).exactOptional(),
  /** The number of automatic retries, and why there are no more. */
  retries: z.object({ asked: count, stopped: z.string().nullable() }).exactOptional(),
  /** What a pilot had answered already: how many tasks, and what they cost then, null where that is not known. */
  reused: reused.exactOptional(),
  /** The keys under which the whole finds this pilot. */
  pilot_keys: z.array(z.string()).exactOptional(),
  /** Which key of an answer is compared with which column of its row. */
  expect: z.record(z.string(), z.string()).exactOptional(),
  /** Its variants, in the given order: each row is one task per variant. */
  variants: z.array(z.string()).exactOptional(),
  /** Made by another program; its tasks are known when its results are in. */
  adopted: z.boolean().default(false),
  told: told.exactOptional(),
  parts: z.array(part).min(1),
});
export type BatchRecord = z.infer<typeof batchRecord>;

/**
 * The record of this batch and no other: in a copied folder, or one that was exchanged, it would count or be sent twice. Not
 * by `refine`, which copies the schema: each copy is compiled anew, which takes longer than the rest of a read.
 */
export const recordOf = (batchId: string): z.ZodType<BatchRecord> =>
  batchRecord.transform((record, context) => {
    if (record.batch_id !== batchId)
      context.addIssue({ code: 'custom', path: ['batch_id'], message: 'it is the record of another batch' });
    return record;
  });
