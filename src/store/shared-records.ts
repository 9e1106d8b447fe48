import * as z from 'zod';
import { momentText } from '../lib/time.ts';
import { efforts, thinkingTypes } from '../provider/models.ts';
import { processIdentity } from './process-identity.ts';

/** What the store keeps beside the batches, each in registers of its own; checked whenever it is read. */

/** content hash → the batch that does this work. */
export const submission = z.object({
  batch_id: z.string(),
  at: momentText,
  /** It was removed from the store before any of it was sent. Not kept by older versions. */
  removed: z.literal(true).exactOptional(),
});
export type Submission = z.infer<typeof submission>;

/** Which batch and part own a provider's batch. */
export const claim = z.object({
  /** Null once the claim was given back. */
  owner: z.object({ batch_id: z.string(), part: z.int().positive() }).nullable(),
  /** Based on the API's listing rather than the answer to a create: such an answer to another part displaces it. */
  tentative: z.boolean(),
});
export type Claim = z.infer<typeof claim>;

/** A file that we wrote for a caller: what may be overwritten, and only while it is still as we left it. */
export const writtenFile = z.object({
  path: z.string(),
  batch_id: z.string(),
  sha256: z.string(),
  /**
   * What we wrote there earlier, the latest first: it stays until the new file has replaced it. Not kept by older
   * versions.
   */
  before: z.array(z.string()).exactOptional(),
  at: momentText,
});
export type WrittenFile = z.infer<typeof writtenFile>;

/** The maximum cost of a batch's unsent parts, reserved from the budget. */
const reservation = z.object({
  id: z.string(),
  batch_id: z.string(),
  parts: z.array(
    z.object({
      number: z.int().positive(),
      usd: z.number().nonnegative(),
      /** How many earlier sends of it nobody knew the fate of; left out where none. */
      send: z.int().exactOptional(),
    }),
  ),
  /** Whose they are, where a user over HTTP submitted them. */
  user: z.string().exactOptional(),
  /** The process that is about to send them: the reservation is freed if it dies before they are sent. */
  holder: processIdentity,
});
export type Reservation = z.infer<typeof reservation>;

/** The money of one UTC day, in US dollars: what ended submissions cost, and what open ones may cost. */
export const budget = z.object({
  spent_usd: z.number().nonnegative(),
  /** Of that, what users over HTTP spent. */
  spent_by: z.array(z.object({ user: z.string(), usd: z.number().nonnegative() })).exactOptional(),
  open: z.array(reservation),
});
export type Budget = z.infer<typeof budget>;

/** A file that work was made from, with its state at the time. */
const sourceFile = z.object({ path: z.string(), size: z.number(), modified_ms: z.number() });
export type SourceFile = z.infer<typeof sourceFile>;

/** What addresses are signed with, made by whoever needs it first. */
export const signingKey = z.object({ key: z.string() });
export type SigningKey = z.infer<typeof signingKey>;

/** For how long checked work is kept. */
export const WORK_KEPT_MS = 24 * 60 * 60 * 1000;

/** Checked work, to be submitted by its id: its arguments, and what identifies it. */
export const keptWork = z.object({
  at: momentText,
  args: z.record(z.string(), z.unknown()),
  /** The same as JSON, where numbers in it were written differently from these. */
  args_text: z.string().exactOptional(),
  work_hash: z.string(),
  files: z.array(sourceFile),
  /** The models behind its figures: tiers are not part of the hash. */
  models: z.array(z.string()).exactOptional(),
  /** Who had it checked over HTTP. */
  user: z.string().exactOptional(),
});
export type KeptWork = z.infer<typeof keptWork>;

/** For how long a question to a person may be answered. */
export const QUESTION_KEPT_MS = 60 * 60 * 1000;

/** A question to a person: what it was about, which limits what an answer allows, without its text. */
export const openQuestion = z.object({
  at: momentText,
  /** Identifies the work. */
  work: z.string(),
  /** The maximum that it was said to cost, in US dollars. */
  maximum: z.number(),
  /** Identifies the call, where the answer comes with the repeated call. */
  call: z.string().exactOptional(),
  /** Who was asked over HTTP. */
  user: z.string().exactOptional(),
  /** What the person answered, where it came by itself. */
  answer: z.enum(['approved', 'declined', 'canceled', 'unanswered']).exactOptional(),
  /** Whose the answer is: it counts once. */
  taken_by: z.string().exactOptional(),
});
export type OpenQuestion = z.infer<typeof openQuestion>;

/** What the API last said about its models; empty where it did not answer. */
export const modelList = z.object({
  at: momentText,
  models: z.array(
    z.object({
      id: z.string(),
      lifecycle: z.enum(['active', 'deprecated', 'retired']).nullable(),
      retires_at: z.string().nullable(),
      max_input_tokens: z.int().positive().nullable(),
      max_output_tokens: z.int().positive().nullable(),
      batch: z.boolean().nullable(),
      // Not kept by versions before.
      efforts: z.array(z.enum(efforts)).nullable().default(null),
      thinking: z.array(z.enum(thinkingTypes)).nullable().default(null),
    }),
  ),
});
export type ModelList = z.infer<typeof modelList>;
