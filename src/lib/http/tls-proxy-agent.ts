import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { HttpsProxyAgent } from 'https-proxy-agent';

type ConnectOptions = Parameters<HttpsProxyAgent<string>['connect']>[1];

/**
 * Tunnels through a proxy that is reached over TLS. The parent class has no error listener on its connection, so that a proxy
 * which closes it during the handshake would end the process; with Node's own client it does not.
 */
export class TlsProxyAgent extends HttpsProxyAgent<string> {
  override async connect(request: ClientRequest, options: ConnectOptions): Promise<Socket> {
    const { hostname, port, username, password } = this.proxy;
    const { host = '' } = options;
    const target = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 443}`;
    const login = [username, password].map(decodeURIComponent).join(':');
    const asked = process.getBuiltinModule('node:https').request({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || 443,
      method: 'CONNECT',
      path: target,
      agent: false,
      headers: {
        host: target,
        ...(login !== ':' && { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
    });
    request.once('close', () => asked.destroy());
    const { answer, socket } = await tunnel(asked);
    request.emit('proxyConnect', { statusCode: answer.statusCode });
    if (answer.statusCode !== 200) socket.destroy();
    const { path: _path, host: _host, port: _port, ...tls } = { path: '', ...options };
    return process.getBuiltinModule('node:tls').connect({ ...tls, servername: host, socket });
  }
}

function tunnel(asked: ClientRequest): Promise<{ answer: IncomingMessage; socket: Socket }> {
  return new Promise((resolve, reject) => {
    asked
      .on('connect', (answer, socket) => resolve({ answer, socket }))
      .on('response', (answer) => resolve({ answer, socket: answer.socket }))
      .on('error', reject)
      .end();
  });
}
