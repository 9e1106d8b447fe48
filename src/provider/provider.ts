import type { Effort, ThinkingType } from './model.ts';

/**
 * The seam to whoever runs the batches, in our own words. Implementations turn every failure into a `BatchError` with
 * one of the `api_*` codes or `no_credentials`:
 * - `api_refused`: a definite no (400, 401, 402, 403, 413, 422). A create with it made nothing.
 * - `api_not_found`: 404. For a create a definite no; for a known id perhaps a passing one.
 * - `api_busy`: 429 and 529. A create with it made nothing; try again after `api.retry_after_seconds`.
 * - `api_spend_limit`: a 429 that waiting does not help.
 * - `api_unreachable`: the request never arrived (connection refused, unknown name, TLS).
 * - `api_uncertain`: everything else (timeout, reset, 408, 409, other 5xx, an unreadable response).
 */

export const providerNames = ['anthropic', 'sandbox'] as const;
export type ProviderName = (typeof providerNames)[number];

/** Requests by state, in the API's words. All but `processing` stay 0 until the batch has ended. */
export type RequestCounts = {
  processing: number;
  succeeded: number;
  errored: number;
  canceled: number;
  expired: number;
};

/** One Message Batch as the API describes it; times are RFC 3339 strings by the API's clock. */
export type ProviderBatch = {
  id: string;
  processing_status: 'in_progress' | 'canceling' | 'ended';
  request_counts: RequestCounts;
  created_at: string;
  expires_at: string;
  ended_at: string | null;
  cancel_initiated_at: string | null;
};

/** A page of batches, newest first. */
export type ProviderBatchPage = {
  batches: ProviderBatch[];
  has_more: boolean;
  /** Pass as `after_id` for the next, older page. */
  last_id: string | null;
  /** When the API answered, by its own clock, as RFC 3339; null where it does not say. */
  at: string | null;
};

/** Where requests go and on whose account, as far as is known without a call. */
export type ProviderAccount = {
  base_url: string;
  workspace: string | null;
};

/** The body of a create, sent as it is. */
export type RequestBody = {
  bytes: number;
  /** Streams its bytes from the beginning each time; ending the iterator closes whatever is open. */
  open: () => AsyncIterable<Uint8Array>;
};

/** A model as the API describes it; null for facts that it does not give. */
export type ProviderModel = {
  id: string;
  lifecycle: 'active' | 'deprecated' | 'retired' | null;
  /** RFC 3339. */
  retires_at: string | null;
  max_input_tokens: number | null;
  max_output_tokens: number | null;
  /** Whether it takes batches. */
  batch: boolean | null;
  efforts: Effort[] | null;
  thinking: ThinkingType[] | null;
};

export type Provider = {
  readonly name: ProviderName;
  /** Depends on the credentials, so it may read them; makes no API call. */
  account(): Promise<ProviderAccount>;
  /** Throws `no_credentials` with how to set them, where there are none. Makes no API call. */
  requireCredentials(): Promise<void>;
  /** A hash of the current credential with `salt`: distinguishes keys without giving them away. */
  fingerprint(salt: string): Promise<string>;
  /**
   * Sends one create, once, never retried. After `timeoutMs` it is aborted as `api_uncertain`: no byte of it leaves
   * after that, however long the process or the computer stood still, nor once `isStopped` says so.
   */
  createBatch(body: RequestBody, timeoutMs: number, isStopped?: () => boolean): Promise<ProviderBatch>;
  retrieveBatch(id: string): Promise<ProviderBatch>;
  listBatches(page: { limit: number; after_id?: string }): Promise<ProviderBatchPage>;
  cancelBatch(id: string): Promise<ProviderBatch>;
  /**
   * How many input tokens a request has, by the API's own count; free, under a rate limit of its own. `params`
   * are a batch request's. Asked once, for `timeoutMs` at most.
   */
  countTokens(params: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<number>;
  /** All models that the API knows, within `timeoutMs`. */
  listModels(timeoutMs: number): Promise<ProviderModel[]>;
  /**
   * Streams a batch's results, from the id's own route on the configured host. The stream fails with a `BatchError`
   * when the connection does, or when no byte comes for a minute; it may also simply end early.
   */
  streamResults(id: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Closes what the provider holds open. Calls under way fail. */
  close(): Promise<void>;
};
