import * as z from 'zod';
import { momentText } from '../lib/time.ts';
import { processIdentity } from './process-identity.ts';
import { savedResults } from './saved-results.ts';

const count = z.int().nonnegative();
/** How long a machine had been up then, for those on the same one: its clock on the wall can be set. Not kept by versions before. */
const up = z.object({ host: z.string(), ms: z.int() });

/** Written before a create is sent: everything needed to settle it if its answer never comes. */
const intent = z.object({
  sender: processIdentity,
  at: momentText,
  up: up.exactOptional(),
  /** After this the sender has given up, hard. */
  send_deadline: momentText,
  base_url: z.string(),
  workspace: z.string().nullable(),
  key_salt: z.string(),
  key_hash: z.string(),
  /** The newest batch id that the API listed just before; null when it listed none. */
  watermark: z.string().nullable(),
  /** The provider's batches that were taken for it and proved not to be. */
  rejected: z.array(z.string()).default([]),
  /** The newest batch of the first listing after it: none above it can be it. Null where that was empty. */
  newest: z.string().nullable().exactOptional(),
  /** The provider's batches whose results lack its mark: read once. */
  disproved: z.array(z.string()).exactOptional(),
  /** The provider's batches that could be it and have results which can't prove it: a person decides. */
  unproven: z.array(z.string()).exactOptional(),
});
export type Intent = z.infer<typeof intent>;

const requestCounts = z.object({
  processing: count,
  succeeded: count,
  errored: count,
  canceled: count,
  expired: count,
});

/** The provider's batch as it was when its state last changed; times are the provider's. */
const seenBatch = z.object({
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
  request_counts: requestCounts,
  created_at: momentText,
  expires_at: momentText,
  ended_at: momentText.nullable(),
});

export type SeenBatch = z.infer<typeof seenBatch>;

const failure = z.object({
  code: z.string(),
  message: z.string(),
  at: momentText,
  up: up.exactOptional(),
  /** The HTTP status, where the API answered. */
  status: z.int().exactOptional(),
});
export type Failure = z.infer<typeof failure>;

/** A provider's batch that could be an uncertain part, as it was listed last. */
const candidate = z.object({
  id: z.string(),
  created_at: momentText,
  request_count: count,
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
});
export type Candidate = z.infer<typeof candidate>;

/** The state of a part, each with exactly what is known in it. */
export const partState = z.discriminatedUnion('state', [
  /** What it asks is known when what it works on is there. `by` is who makes it then; null while nobody does. */
  z.object({ state: z.literal('waiting'), by: processIdentity.nullable() }),
  z.object({
    state: z.literal('prepared'),
    /** The newest batch that the provider listed when this was looked for there: none above it can be it. Null where it listed none. */
    newest: z.string().nullable().exactOptional(),
  }),
  z.object({ state: z.literal('sending'), intent }),
  /** Perhaps sent: nothing is sent again until that is settled. No byte of it left after `failure.at`. */
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
    /** Taken for ours because no other batch can be it; its results will prove it. */
    tentative: z.boolean().default(false),
    /** Since when its results, however often they were fetched, can't prove whether it is ours. */
    unproven_since: momentText.exactOptional(),
    /** Since when the provider says that it does not know it. */
    not_found_since: momentText.nullable().default(null),
    seen: seenBatch,
    results: savedResults.nullable(),
    /** As which download the results are saved, or will be; left out for the first. */
    download: z.int().positive().exactOptional(),
  }),
]);
export type PartState = z.infer<typeof partState>;
