import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, request as requestHttp } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { onTestFinished } from 'vitest';

/** What the proxy was asked for: `CONNECT api.example.test:443`, or `POST http://api.example.test/v1/…`. */
export type Proxied = {
  what: string;
  authorization: string | undefined;
  proxyAuthorization: string | undefined;
};

export type ProxyServer = { host: string; asked: Proxied[] };

/** As the API at this name: the proxy alone knows where it is. Its certificate is in test/fixtures/tls. */
export const API_HOST = 'api.example.test';

const tls = (name: string) => readFileSync(path.resolve(import.meta.dirname, '../fixtures/tls', name));

async function listen(server: {
  listen(port: number, host: string, ready: () => void): unknown;
  address(): unknown;
}) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

type ProxyOptions = {
  /** The API's real address, plain HTTP: behind a tunnel it is spoken to in TLS. */
  api: string;
  /** Answers every request with this status instead. */
  refuse?: number;
  /** It is spoken to in TLS itself. */
  secure?: boolean;
};

/** A real proxy on 127.0.0.1, for tunnels and for whole addresses. */
export async function startProxy({ api, refuse, secure = false }: ProxyOptions): Promise<ProxyServer> {
  const asked: Proxied[] = [];
  const apiPort = Number(new URL(api).port);
  const secured = createTlsServer({ key: tls('key.pem'), cert: tls('cert.pem') }, (socket) => {
    const onward = connect(apiPort, '127.0.0.1');
    socket.on('error', () => onward.destroy()).pipe(onward);
    onward.on('error', () => socket.destroy()).pipe(socket);
  });
  const securedPort = await listen(secured);
  const forward: RequestListener = (request, response) => {
    note(`${request.method} ${request.url}`, request.headers);
    if (refuse !== undefined) return void response.writeHead(refuse).end();
    const { pathname, search } = new URL(request.url ?? '');
    const { method, headers } = request;
    const onward = requestHttp({
      port: apiPort,
      host: '127.0.0.1',
      path: pathname + search,
      method,
      headers,
    });
    onward.on('response', (answer) => {
      answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers));
    });
    request.pipe(onward);
  };
  const proxy = secure
    ? createHttpsServer({ key: tls('key.pem'), cert: tls('cert.pem') }, forward)
    : createServer(forward);
  proxy.on('connect', (request, socket) => {
    note(`CONNECT ${request.url}`, request.headers);
    if (refuse !== undefined) return socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`);
    const onward = connect(securedPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  const note = (what: string, headers: NodeJS.Dict<string | string[]>) =>
    asked.push({
      what,
      authorization: headers.authorization?.toString(),
      proxyAuthorization: headers['proxy-authorization']?.toString(),
    });
  const port = await listen(proxy);
  onTestFinished(() => {
    proxy.close();
    proxy.closeAllConnections();
    secured.close();
  });
  return { host: `127.0.0.1:${port}`, asked };
}
