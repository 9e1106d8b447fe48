/** The library: the operations for a program, and the server for one that brings its own transport. */
export { type BatchClient, type ClientOptions, type ClientWork, createBatchClient } from './client.ts';
export type { Config } from './config/config.ts';
export { readConfig } from './config/config.ts';
export { createContext } from './config/create-context.ts';
export type { Environment } from './config/read-settings.ts';
export { BatchError, type ErrorCode, errorCodes, type Problem } from './errors.ts';
export { createLog, type Log, type LogLevel } from './log.ts';
export { createServer } from './mcp/create-server.ts';
