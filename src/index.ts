/** The library: the operations for a program, and the server for one that brings its own transport. */

export type { Answer, AnswerDetails } from './answers/answer.ts';
export type { ErrorDigest } from './answers/figures/digest.ts';
export type { AttemptReport, OutcomeTotals } from './answers/figures/outcomes.ts';
export type { ShownAnswer } from './answers/page/shown-answer.ts';
export { type BatchServer, createBatchServer, type ServerTransport } from './batch-server.ts';
export {
  type BatchClient,
  type CallOptions,
  type CheckedWork,
  type ClientOptions,
  type ClientWork,
  createBatchClient,
  type EstimateOptions,
  type ListRequest,
  type ResultsRequest,
  type RetryRequest,
  type SubmitOptions,
} from './client.ts';
export type { OwnDatabase } from './config/create-context.ts';
export type { Environment } from './config/read-settings.ts';
export type { CostUsd } from './cost/cost.ts';
export type { Spending } from './cost/spending.ts';
export { BatchError, type ErrorCode, errorCodes, type Problem } from './errors.ts';
export {
  AnthropicBatchProvider,
  BatchProcessingWorkflow,
  type BatchRequest,
  type BatchResult,
  type WaitOptions,
} from './guide.ts';
export { createLog, type Log, type LogLevel } from './log.ts';
export type { ResultLine } from './operations/answers.ts';
export type { CollectedBatch } from './operations/collect.ts';
export type { ListedBatch } from './operations/list/listing.ts';
export type { Preparing } from './operations/replies/preparing.ts';
export type { BatchReport, ShortReport } from './operations/replies/report.ts';
export type {
  AdoptReply,
  CancelReply,
  CollectReply,
  EstimateArguments,
  EstimateReply,
  ListArguments,
  ListReply,
  NativeMessage,
  NativeRequest,
  NativeResult,
  ResultsArguments,
  ResultsReply,
  RetryArguments,
  RetryReply,
  StatusReply,
  SubmitArguments,
  SubmitReply,
  WaitReply,
} from './public-types.ts';
export type { Progress } from './state/jobs.ts';
export type { ProcessingStatus } from './state/status.ts';
