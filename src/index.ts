/** The library: the operations for a program, and the server for one that brings its own transport. */

export type { Answer } from './answers/answer.ts';
export type { ErrorDigest } from './answers/digest.ts';
export type { AttemptReport, OutcomeTotals } from './answers/outcomes.ts';
export type { ShownAnswer } from './answers/shown-answer.ts';
export {
  type BatchClient,
  type CallOptions,
  type ClientOptions,
  type ClientWork,
  createBatchClient,
  type EstimateOptions,
  type ListRequest,
  type ResultsRequest,
  type RetryRequest,
  type SubmitOptions,
} from './client.ts';
export type { Config } from './config/config.ts';
export { readConfig } from './config/config.ts';
export { createContext } from './config/create-context.ts';
export type { Environment } from './config/read-settings.ts';
export type { CostUsd } from './cost/cost.ts';
export type { Spending } from './cost/spending.ts';
export { BatchError, type ErrorCode, errorCodes, type Problem } from './errors.ts';
export {
  AnthropicBatchProvider,
  type NativeRequest,
  type NativeResult,
  type WaitOptions,
} from './guide/anthropic-batch-provider.ts';
export {
  BatchProcessingWorkflow,
  type BatchRequest,
  type BatchResult,
} from './guide/batch-processing-workflow.ts';
export { createLog, type Log, type LogLevel } from './log.ts';
export { createServer } from './mcp/create-server.ts';
export type { AdoptReply } from './operations/adopt.ts';
export type { ResultLine } from './operations/answers.ts';
export type { CancelReply } from './operations/cancel.ts';
export type { EstimateReply } from './operations/estimate.ts';
export type { ListReply } from './operations/list.ts';
export type { ListedBatch } from './operations/listing.ts';
export type { Preparing } from './operations/replies/preparing.ts';
export type { BatchReport, ShortReport } from './operations/replies/report.ts';
export type { ResultsReply } from './operations/results.ts';
export type { RetryReply } from './operations/retry.ts';
export type { StatusReply } from './operations/status.ts';
export type { SubmitReply } from './operations/submit.ts';
export type { WaitReply } from './operations/wait.ts';
export type { Caller } from './state/context.ts';
export type { Progress } from './state/jobs.ts';
export type { ProcessingStatus } from './state/status.ts';
