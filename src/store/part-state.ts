import * as z from 'zod';
import { momentText } from '../lib/time.ts';
import { processIdentity } from './process-identity.ts';
import { savedResults } from './saved-results.ts';

const count = z.int().nonnegative();
/** The machine's uptime at that moment, for processes on the same machine: its wall clock can be set. Missing in older versions. */
const up = z.object({ host: z.string(), ms: z.int() });

/** Written before a create is sent: everything needed to settle it if its answer never comes. */
const intent = z.object({
  sender: processIdentity,
  at: momentText,
  up: up.exactOptional(),
  /** After this the sender has given up for certain. */
  send_deadline: momentText,
  base_url: z.string(),
  workspace: z.string().nullable(),
  key_salt: z.string(),
  key_hash: z.string(),
  /** The newest batch id that the API listed just before the create; null if it listed none. */
  watermark: z.string().nullable(),
  /** The provider's batches that were taken for it and turned out not to be. */
  rejected: z.array(z.string()).default([]),
  /** The newest batch of the first listing after the create: nothing newer can be it. Null if that listing was empty. */
  newest: z.string().nullable().exactOptional(),
  /** The provider's batches whose results lack its mark: they are read only once. */
  disproved: z.array(z.string()).exactOptional(),
  /** The provider's batches that could be it, but whose results can't prove it: a person decides. */
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
  /** The HTTP status, if the API answered. */
  status: z.int().exactOptional(),
});
export type Failure = z.infer<typeof failure>;

/** A provider's batch that could be an uncertain part, as last listed. */
const candidate = z.object({
  id: z.string(),
  created_at: momentText,
  request_count: count,
  processing_status: z.enum(['in_progress', 'canceling', 'ended']),
});
export type Candidate = z.infer<typeof candidate>;

/** The state of a part; each state holds exactly what is known in it. */
export const partState = z.discriminatedUnion('state', [
  /** Its requests can be made only once the answers it needs are there. `by` is the process that makes them; null if none does. */
  z.object({ state: z.literal('waiting'), by: processIdentity.nullable() }),
  z.object({
    state: z.literal('prepared'),
    /** The newest batch that the provider listed when this part was looked for there: nothing newer can be it. Null if it listed none. */
    newest: z.string().nullable().exactOptional(),
  }),
  z.object({ state: z.literal('sending'), intent }),
  /** Perhaps sent: nothing is sent again until that is settled. No byte was sent after `failure.at`. */
  z.object({
    state: z.literal('unconfirmed'),
    intent,
    failure,
    /** How many complete listings, each begun late enough, had no trace of it; two prove that it was not made. */
    empty_listings: count.default(0),
    /** The provider's batches that could be it, if there are several. */
    candidates: z.array(z.string()).default([]),
    /** What is known of these, newest first. Missing in older versions. */
    known: z.array(candidate).exactOptional(),
  }),
  /** The API refused it or could not be reached: nothing was made, nothing paid. */
  z.object({ state: z.literal('not_sent'), failure }),
  z.object({
    state: z.literal('created'),
    /** Null for a batch that another program made. */
    intent: intent.nullable(),
    provider_batch_id: z.string(),
    /** Taken for ours as no other batch can be it; its results will prove it. */
    tentative: z.boolean().default(false),
    /** Since when its results, however often fetched, can't prove whether it is ours. */
    unproven_since: momentText.exactOptional(),
    /** Since when the provider says that there is no such batch. */
    not_found_since: momentText.nullable().default(null),
    seen: seenBatch,
    results: savedResults.nullable(),
    /** The number of the download as which the results are or will be saved; left out for the first. */
    download: z.int().positive().exactOptional(),
  }),
]);
export type PartState = z.infer<typeof partState>;
