import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAnthropicProvider } from '../../src/provider/anthropic/anthropic-provider.ts';
import type { RequestBody } from '../../src/provider/provider.ts';
import { startApi } from '../api.ts';
import { hang } from '../api-server.ts';
import { failure } from '../provider/calls.ts';

const bytes = Buffer.from('{"requests":[{"custom_id":"a","params":{}}]}');
const body: RequestBody = {
  bytes: bytes.length,
  async *open() {
    yield bytes;
  },
};

/** Breaks each connection of this process as the system does: once it is made, or instead. */
function breakConnections(isMade: boolean, failed: { code: string; syscall: string }, isTime: () => boolean) {
  const breakIt = (socket: Socket) => {
    if (socket.destroyed) return;
    if (isTime()) socket.destroy(Object.assign(new Error(`${failed.syscall} ${failed.code}`), failed));
    else setTimeout(breakIt, 5, socket);
  };
  const seen = (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('socket' in message)) return;
    const { socket } = message;
    if (!(socket instanceof Socket)) return;
    if (isMade) socket.once('connect', () => breakIt(socket));
    else process.nextTick(breakIt, socket);
  };
  subscribe('net.client.socket', seen);
  onTestFinished(() => void unsubscribe('net.client.socket', seen));
}

const codes = ['EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED', 'ENETDOWN', 'ETIMEDOUT', 'ECONNRESET', 'EPIPE'];
const connecting = codes.map((code) => [code, 'connect', 'api_unreachable'] as const);
const talking = ['read', 'write'].flatMap((syscall) =>
  codes.map((code) => [code, syscall, 'api_uncertain'] as const),
);

describe('a create whose connection fails', () => {
  it.each([...connecting, ['ENOTFOUND', 'getaddrinfo', 'api_unreachable'] as const, ...talking])(
    'with %s of %s is %s',
    async (code, syscall, expected) => {
      const api = await startApi();
      api.override('create', hang, { after: true });
      const isTalking = expected === 'api_uncertain';
      breakConnections(isTalking, { code, syscall }, () => !isTalking || api.batches.length === 1);
      const provider = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log: () => {} });
      const error = await failure(provider.createBatch(body, 30_000));
      expect(error.code).toBe(expected);
      expect(/Nothing was sent/.test(error.message)).toBe(!isTalking);
      expect(api.batches).toHaveLength(isTalking ? 1 : 0);
      await provider.close();
    },
  );

  it('by a read before anybody saw it made is uncertain too', async () => {
    const api = await startApi();
    breakConnections(false, { code: 'EHOSTUNREACH', syscall: 'read' }, () => true);
    const provider = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log: () => {} });
    expect((await failure(provider.createBatch(body, 30_000))).code).toBe('api_uncertain');
    await provider.close();
  });
});
