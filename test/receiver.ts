import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Received = { headers: IncomingHttpHeaders; body: any };

export type Receiver = {
  url: string;
  received: Received[];
  close(): Promise<void>;
};

/** A server that somebody wants to be told by. `answer` is 200 at once where it is not given. */
export async function startReceiver(
  answer: (received: Received, response: ServerResponse) => void = (_, response) => void response.end(),
): Promise<Receiver> {
  const received: Received[] = [];
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = { headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString() || 'null') };
    received.push(one);
    answer(one, response);
  }
  const server = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
