import * as z from 'zod';
import { ownId } from '../lib/mark.ts';
import { momentText } from '../lib/time.ts';
import { providerNames } from '../provider/provider.ts';
import { partState } from './part-state.ts';
import { processIdentity } from './process-identity.ts';

/**
 * What the store keeps of a batch, checked whenever it is read. A field is only ever added, with a default;
 * a change of meaning is a new `schema` number.
 */

const count = z.int().nonnegative();

/** Which credential: its salted hash gives none away. */
const keyMark = z.object({ key_salt: z.string(), key_hash: z.string() });
export type KeyMark = z.infer<typeof keyMark>;

/** The mark under which the last request is sent, and where in the body it stands, in bytes, under its own id. */
const partMark = z
  .object({ sent: z.string(), own: z.string(), offset: count, length: count })
  .refine(({ sent, own }) => own.startsWith(ownId(sent)), { error: 'it is of another request' });
export type PartMark = z.infer<typeof partMark>;

const sendFate = z.object({
  /** The provider's batches that it could be, and that have not been looked into. */
  candidates: z.array(z.string()),
  /** `made`: it was, and paid beside the one that the part is. */
  fate: z.enum(['open', 'made', 'not_made']),
  /** The provider's batch that it was made as. Not kept by versions before. */
  made_as: z.string().exactOptional(),
  /** What that one cost, in US dollars; null where a model has no known price. */
  usd: z.number().nonnegative().nullable().exactOptional(),
  /** Those of the candidates whose results the provider no longer has: whether it was one of them, nothing tells any more. */
  gone: z.array(z.string()).exactOptional(),
});
export type SendFate = z.infer<typeof sendFate>;

const part = z.object({
  number: z.int().positive(),
  attempt: z.int().positive(),
  /** Its tasks. */
  request_count: count,
  /** Its requests, where tasks share some: what the provider counts. Left out where each task has one. */
  packs: count.exactOptional(),
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
  /** Earlier sends of it that nobody knows the fate of: a person had it sent again all the same. */
  unknown_sends: count.exactOptional(),
  /** What became of each of these, oldest first, as far as that is known. Not kept by versions before. */
  fates: z.array(sendFate).exactOptional(),
  /** Sent once the part of this number has ended: the provider's cache then holds what its requests begin with. */
  after: z.int().positive().exactOptional(),
  /**
   * Whether its requests are sent with the marks for the provider's cache that they were written with, or these blanked out.
   * Left out where they were written without.
   */
  cache: z.enum(['marked', 'blank']).exactOptional(),
  /** The batch whose answers it holds: nothing of it was sent by this one. */
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

/** A file that the caller asked for at submission. */
const requestedOutput = z.object({
  path: z.string(),
  /** Null until written. */
  written_at: momentText.nullable(),
  /** Why it could not be written, when it couldn't. */
  problem: z.string().nullable(),
  /** The key of each answer that it holds alone; left out where it holds answers whole. */
  key: z.string().exactOptional(),
  /** Which keys answers have, where none has that one. */
  keys: z.array(z.string()).exactOptional(),
  /** Which answers it holds, as JSON; left out where it holds all. */
  filters: z.string().exactOptional(),
  /** Halves of characters in it that UTF-8 can't hold. */
  halves: count.exactOptional(),
});

/** Files of which each finished answer gets one, under a name of its row's or file's. */
const answerFiles = z.object({
  /** As it was given: `{{dir}}/{{stem}}.md`. */
  pattern: z.string(),
  key: z.string().exactOptional(),
  keys: z.array(z.string()).exactOptional(),
  /** When all that can be written was; null until then. */
  written_at: momentText.nullable(),
  /** Why none could be written, when none could. */
  problem: z.string().nullable(),
  written: count,
  /** Answers that got no file, counted by why, with the first of them; those of tasks that failed are named elsewhere. */
  left: z.array(z.object({ why: z.string(), count, sample_task_ids: z.array(z.string()).exactOptional() })),
  /** Files that hold the code of an answer that said more. */
  code_only: count.exactOptional(),
  /** Files of code that hold words, with the first of their tasks. Not kept by versions before. */
  words: z.object({ count, sample_task_ids: z.array(z.string()) }).exactOptional(),
  /** Halves of characters in them that UTF-8 can't hold. */
  halves: count.exactOptional(),
});
export type AnswerFiles = z.infer<typeof answerFiles>;

/** That its owner was told of an end: claimed before it is done, so that several processes tell once. */
const told = z.object({
  /** How many parts it had then: with another attempt it ends again. */
  parts: count,
  by: processIdentity,
  at: momentText,
  /** Null until it is known what came of it. */
  outcome: z.enum(['done', 'failed']).nullable(),
});

const reused = z.object({ count, usd: z.number().nonnegative().nullable(), batch_id: z.string() });
export type Reused = z.infer<typeof reused>;

export const batchRecord = z.object({
  schema: z.literal(1),
  batch_id: z.string(),
  name: z.string(),
  project: z.string().nullable(),
  /** Who submitted it over HTTP; left out where the owner of all that is kept did. */
  user: z.string().exactOptional(),
  /** The same work of others is another batch. */
  apart: z.literal(true).exactOptional(),
  provider: z.enum(providerNames),
  base_url: z.string(),
  workspace: z.string().nullable(),
  created_at: momentText,
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
  source: z.enum(['requests', 'requests_file', 'rows_file', 'input_files', 'from_batch']).exactOptional(),
  /** How the table of its rows is written, of which a `.csv` of its answers is to be alike. Not kept by versions before. */
  form: z.object({ separator: z.enum([',', ';']), marked: z.boolean() }).exactOptional(),
  /**
   * The batch whose answers it works on, while these are not there and its own tasks are not known: `request_count` and the
   * estimate are bounds then. Of its answers, so many output tokens at most and about.
   */
  waits: z.object({ batch_id: z.string(), longest_answer: count, expected_answer: count }).exactOptional(),
  /** How many tasks each stage has, in their order, where answers are merged again until one is left. */
  merge: z.object({ stages: z.array(count) }).exactOptional(),
  /** Batches that work on its answers and are sent when it has ended. */
  followed_by: z.array(z.string()).exactOptional(),
  warnings: z.array(z.string()),
  /** It came to nothing before it was sent, and is in no list. */
  never_sent: z.object({ at: momentText, why: z.string() }).exactOptional(),
  /** How many times what fails is sent again without being asked, and why it is no longer. */
  retries: z.object({ asked: count, stopped: z.string().nullable() }).exactOptional(),
  /** What a pilot had answered already: how many tasks, and what they cost then, null where that is not known. */
  reused: reused.exactOptional(),
  /** Of a pilot: under what the whole finds it. */
  pilot_keys: z.array(z.string()).exactOptional(),
  /** Which key of an answer is compared with which column of its row. */
  expect: z.record(z.string(), z.string()).exactOptional(),
  /** Its variants, in the order in which they were given: each of its rows is a task under each of them. */
  variants: z.array(z.string()).exactOptional(),
  /** Made by another program; its tasks are known when its results are in. */
  adopted: z.boolean().default(false),
  told: told.exactOptional(),
  parts: z.array(part).min(1),
});
export type BatchRecord = z.infer<typeof batchRecord>;

/** The record of this batch and no other: in a copied folder, or one that was exchanged, it would count or be sent twice. */
export const recordOf = (batchId: string): z.ZodType<BatchRecord> =>
  batchRecord.refine(({ batch_id }) => batch_id === batchId, {
    path: ['batch_id'],
    error: 'it is the record of another batch',
  });
