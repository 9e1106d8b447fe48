import type { adopt } from './operations/adopt.ts';
import type { cancel } from './operations/cancel.ts';
import type { collect } from './operations/collect.ts';
import type { estimate } from './operations/estimate.ts';
import type { list } from './operations/list.ts';
import type { Arguments, ReplyOf } from './operations/operation.ts';
import type { results } from './operations/results.ts';
import type { retry } from './operations/retry.ts';
import type { status } from './operations/status.ts';
import type { submit } from './operations/submit.ts';
import type { wait } from './operations/wait.ts';

/**
 * The operations' arguments and replies as users of the package see them. The compiler writes out the type of a value
 * in full where it would keep an alias, so the published types need neither zod nor the operations' internals.
 * Nothing here ever runs: only types are imported.
 */
declare function inFull<T>(): { [Key in keyof T]: T[Key] };

const args = {
  submit: inFull<Arguments<typeof submit>>(),
  estimate: inFull<Arguments<typeof estimate>>(),
  results: inFull<Arguments<typeof results>>(),
  retry: inFull<Arguments<typeof retry>>(),
  list: inFull<Arguments<typeof list>>(),
};
export type SubmitArguments = typeof args.submit;
export type EstimateArguments = typeof args.estimate;
export type ResultsArguments = typeof args.results;
export type RetryArguments = typeof args.retry;
export type ListArguments = typeof args.list;

const replies = {
  submit: inFull<ReplyOf<typeof submit>>(),
  status: inFull<ReplyOf<typeof status>>(),
  wait: inFull<ReplyOf<typeof wait>>(),
  results: inFull<ReplyOf<typeof results>>(),
  retry: inFull<ReplyOf<typeof retry>>(),
  cancel: inFull<ReplyOf<typeof cancel>>(),
  collect: inFull<ReplyOf<typeof collect>>(),
  estimate: inFull<ReplyOf<typeof estimate>>(),
  list: inFull<ReplyOf<typeof list>>(),
  adopt: inFull<ReplyOf<typeof adopt>>(),
};
export type SubmitReply = typeof replies.submit;
export type StatusReply = typeof replies.status;
export type WaitReply = typeof replies.wait;
export type ResultsReply = typeof replies.results;
export type RetryReply = typeof replies.retry;
export type CancelReply = typeof replies.cancel;
export type CollectReply = typeof replies.collect;
export type EstimateReply = typeof replies.estimate;
export type ListReply = typeof replies.list;
export type AdoptReply = typeof replies.adopt;

/** A request as the Message Batches API takes it. */
export type NativeRequest = { custom_id: string; params: Readonly<Record<string, unknown>> };

/** A line of the API's results, as it came; `missing` where the API gave none for a request. */
export type NativeResult = {
  custom_id: string;
  result:
    | { type: 'succeeded'; message: NativeMessage }
    /** The API's error stands within an error. */
    | { type: 'errored'; error: { error: { type: string; message: string } } }
    | { type: 'expired' | 'canceled' | 'missing' };
};

/** An answer as the Messages API gives it: what most programs read of it, and whatever else there is. */
export type NativeMessage = {
  model: string;
  /** Text is in the blocks of the type `text`; thinking and tool calls are in others. */
  content: readonly { type: string; text?: string; [key: string]: unknown }[];
  stop_reason: string | null;
  usage: { input_tokens: number; output_tokens: number; [key: string]: unknown };
  [key: string]: unknown;
};
