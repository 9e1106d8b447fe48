import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** What goes wrong with a request: before the API has it, or after. */
const faults = [
  'busy',
  'overloaded',
  'reset_before',
  'error_before',
  'hang_before',
  'reset_after',
  'error_after',
  'hang_after',
  'unreadable',
  'cut',
] as const;

/** A way to an API on which `percent` of all requests go wrong, each in one of all the ways there are. */
export async function startFaultyWay(target: string, percent: number) {
  let wrong = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const fault =
      Math.random() * 100 < percent ? faults[Math.floor(Math.random() * faults.length)] : undefined;
    if (fault !== undefined) wrong += 1;
    if (fault === 'busy') return refuse(response, 429, { 'retry-after': '1' });
    if (fault === 'overloaded') return refuse(response, 529);
    if (fault === 'error_before') return refuse(response, 500);
    if (fault === 'hang_before') return;
    if (fault === 'reset_before') return void request.socket.resetAndDestroy();
    const answered = await forward(request, body);
    if (fault === 'error_after') return refuse(response, 500);
    if (fault === 'hang_after') return;
    if (fault === 'reset_after') return void request.socket.resetAndDestroy();
    response.writeHead(answered.status, { 'content-type': answered.type });
    if (fault === 'unreadable') return void response.end('{"id": "msgbatch_');
    // The answer ends, as if that were all.
    response.end(fault === 'cut' ? answered.body.subarray(0, answered.body.length / 2) : answered.body);
  }

  async function forward(request: IncomingMessage, body: Buffer) {
    const { host: _ours, ...headers } = request.headers;
    const asked = send(new URL(request.url ?? '', target), { method: request.method, headers });
    asked.end(body);
    const [answered]: IncomingMessage[] = await once(asked, 'response');
    if (answered === undefined) throw new Error('no answer');
    const type = answered.headers['content-type'] ?? '';
    return { status: answered.statusCode ?? 500, type, body: await buffer(answered) };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** How many requests went wrong. */
    wrong: () => wrong,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  const type = status === 429 ? 'rate_limit_error' : status === 529 ? 'overloaded_error' : 'api_error';
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(
    JSON.stringify({ type: 'error', error: { type, message: 'a planned fault' }, request_id: 'req_planned' }),
  );
}
