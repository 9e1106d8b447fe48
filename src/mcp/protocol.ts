/** Error codes of JSON-RPC, and those of the protocol of 2026-07-28. */
export const errorCodes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Headers contradict the message: a proxy may have decided by something the message does not say. */
  headerMismatch: -32020,
  /** Up to 2025-11-25; the new era says `invalidParams` with the same data. */
  resourceNotFound: -32002,
  /** The client did not declare a capability that its request needs. */
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

/** An error of the protocol as the answer to a request. What a tool refuses is an ordinary result, not one of these. */
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

/** The error that names what the client would need to declare, in the form of its capabilities. */
const missingCapability = (problem: string, requiredCapabilities: object) =>
  new ProtocolError(errorCodes.missingCapability, problem, { requiredCapabilities });

export const noSuchMethod = () => new ProtocolError(errorCodes.methodNotFound, 'There is no such method');

/** Keys by which a message of the new era describes itself, under `_meta`. */
export const envelope = {
  version: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The extension by which a client follows long-running work. */
export const TASKS = 'io.modelcontextprotocol/tasks';

/** The answer to `tasks/…` and the like from a client that does not declare the extension. */
export const followsNoTasks = () =>
  missingCapability(`Only a client that declares ${TASKS} follows tasks`, { extensions: { [TASKS]: {} } });

/** Whatever was thrown, as an `Error`. */
export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
