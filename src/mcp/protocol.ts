/** Codes of JSON-RPC, and the protocol's own of 2026-07-28. */
export const errorCodes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Headers that say otherwise than the message: who passed it on went by something that is not there. */
  headerMismatch: -32020,
  /** Up to 2025-11-25; the new era says `invalidParams` with the same data. */
  resourceNotFound: -32002,
  /** The client did not declare what its request takes. */
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

/** A request that has no answer but an error of the protocol. What a tool refuses is an answer, and none of these. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: number;
  readonly data: Record<string, unknown> | undefined;

  constructor(code: number, message: string, data?: Record<string, unknown>) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** With what the client would have to declare, in the form of its capabilities. */
export const missingCapability = (problem: string, requiredCapabilities: object) =>
  new ProtocolError(errorCodes.missingCapability, problem, { requiredCapabilities });

export const noSuchMethod = () => new ProtocolError(errorCodes.methodNotFound, 'There is no such method');

/** What a message of the new era says of itself, under `_meta`. */
export const envelope = {
  version: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The extension by which a client follows what takes hours. */
export const TASKS = 'io.modelcontextprotocol/tasks';

/** For `tasks/…` and what else is only for those who declare the extension. */
export const followsNoTasks = () =>
  missingCapability(`Only a client that declares ${TASKS} follows tasks`, { extensions: { [TASKS]: {} } });

/** What was thrown, as an error. */
export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
