import type { ClientRequest } from 'node:http';

/** No connection was made, so nothing of the request was sent. `reason` is an error code or a few words. */
export class NotConnected extends Error {
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    // The reason is left out: the SDK drops an error that reads like a timeout.
    super('no connection', { cause });
    this.reason = reason;
  }
}

/** Longer than any successful connection takes, and shorter than a call. */
const CONNECT_MS = 10_000;

/** The system calls that fail while there is no connection yet. */
const CONNECTING: readonly unknown[] = ['connect', 'getaddrinfo'];

/** Turns the error of a request into `NotConnected` if no connection was made. */
export function notConnected(error: Error, isAtProxy: boolean): Error {
  if (error instanceof NotConnected || error.name === 'AbortError') return error;
  // Reads and writes only fail on an existing connection, whatever their code. TLS reports EPROTO during its
  // handshake.
  const isLater = 'syscall' in error && !CONNECTING.includes(error.syscall);
  const code = 'code' in error ? String(error.code) : null;
  const isNoTls = code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER';
  if (isLater && !isNoTls) return error;
  if (isNoTls) return new NotConnected(isAtProxy ? NO_TLS_PROXY : 'EPROTO', error);
  return new NotConnected(code ?? error.message, error);
}

const NO_TLS_PROXY = 'EPROTO: the proxy itself does not speak TLS: its address begins with http://';

type Connection = {
  isMade(): boolean;
  made: Promise<void>;
  /** Whether the TLS handshake is still with a proxy. */
  isAtProxy(): boolean;
};

/** Watches whether a connection is made, TLS included: nothing of a request is sent before that. */
export function watchConnection(request: ClientRequest, url: URL, proxy: URL | undefined): Connection {
  let made = false;
  let isAtProxy = proxy?.protocol === 'https:';
  const isSecure = url.protocol === 'https:' || isAtProxy;
  let tell = () => {};
  const isMadeSoon = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const timer = setTimeout(() => request.destroy(new NotConnected('ETIMEDOUT')), CONNECT_MS);
  const end = (isMade: boolean) => {
    made ||= isMade;
    if (made) tell();
    clearTimeout(timer);
  };
  request.on('socket', (socket) => {
    // A socket that has failed by now is not connecting either.
    const isThere = !isSecure && !socket.connecting && !socket.destroyed;
    if (request.reusedSocket || isThere) end(true);
    else socket.once(isSecure ? 'secureConnect' : 'connect', () => end(true));
  });
  request.on('close', () => end(false));
  // Sent by the agents for proxies. A proxy's refusal of a tunnel would otherwise be taken for the server's answer.
  request.on('proxyConnect', ({ statusCode }: { statusCode?: number }) => {
    // Without a status there is no tunnel: only a connection to the proxy exists.
    if (statusCode !== undefined) isAtProxy = false;
    if ((statusCode ?? 200) !== 200) request.destroy(new NotConnected(`the proxy answered ${statusCode}`));
  });
  return { isMade: () => made, made: isMadeSoon, isAtProxy: () => isAtProxy };
}
