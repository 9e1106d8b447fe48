import type { ServerResponse } from 'node:http';

/** Why a request is refused. */
export type Refusal = {
  status: number;
  /** One or two words, for programs. */
  error: string;
  message: string;
  headers?: Readonly<Record<string, string>>;
};

export const isRefusal = (value: object): value is Refusal => 'status' in value && 'error' in value;

/** How long a client that is still sending has to read why it was refused. */
const LINGER_MS = 1_000;

/** Answers with a refusal. If the client is still sending, the rest is not read and its connection ends. */
export function refuse(response: ServerResponse, { status, headers = {}, ...told }: Refusal): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const isRead = response.req.complete;
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(!isRead && { connection: 'close' }),
    ...headers,
  });
  response.end(`${JSON.stringify(told)}\n`);
  if (!isRead) setTimeout(() => response.req.destroy(), LINGER_MS).unref();
}
