/** The library: the operations for a program, and the server for one that brings its own transport. */
export { type BatchClient, type ClientOptions, type ClientWork, createBatchClient } from './batch-client.ts';
export type { Config, Environment } from './config.ts';
export { readConfig } from './config.ts';
export { createContext } from './create-context.ts';
export { createServer } from './create-server.ts';
export { BatchError, type ErrorCode, errorCodes, type Problem } from './errors.ts';
export { createLog, type Log, type LogLevel } from './log.ts';
