import { createHash } from 'node:crypto';
import { BatchError } from '../../errors.ts';
import { type AnthropicOptions, createAnthropicProvider } from '../anthropic/anthropic-provider.ts';
import type { Provider } from '../provider.ts';
import { type SandboxOptions, type SandboxServer, startSandboxServer } from './server.ts';

type SandboxProviderOptions = SandboxOptions &
  /** How long the sandbox may be silent. */
  Pick<AnthropicOptions, 'callMs' | 'stallMs'> & {
    /** Starts the server; another one than the sandbox's own can stand in between. */
    start?: (options: SandboxOptions) => Promise<SandboxServer>;
  };

/**
 * The provider for trying the product: a Message Batches API of our own, started at the first call, behind the
 * very client that talks to the real one. It gets a token of its own; no key of the user's comes near it.
 * Batches live in its folder, so any process with the same one knows them.
 */
export function createSandboxProvider(options: SandboxProviderOptions): Provider {
  let starting: Promise<{ server: SandboxServer; client: Provider }> | undefined;
  let closed = false;

  async function start() {
    const server = await (options.start ?? startSandboxServer)(options).catch((cause: unknown) => {
      starting = undefined;
      throw new BatchError(
        'store_failed',
        'The sandbox could not be started. Check that the data folder can be written, then try again.',
        { cause },
      );
    });
    const client = createAnthropicProvider({
      name: 'sandbox',
      apiKey: server.token,
      baseUrl: server.url,
      log: options.log,
      ...(options.callMs !== undefined && { callMs: options.callMs }),
      ...(options.stallMs !== undefined && { stallMs: options.stallMs }),
    });
    return { server, client };
  }

  async function client(): Promise<Provider> {
    if (closed)
      throw new BatchError('api_unreachable', 'The sandbox is closed. Nothing was sent: start again.');
    starting ??= start();
    return (await starting).client;
  }

  return {
    name: 'sandbox',
    // The port changes from process to process; the batches are the same.
    account: async () => ({ base_url: 'sandbox', workspace: null }),
    requireCredentials: async () => {},
    fingerprint: async (salt) => createHash('sha256').update(`${salt}sandbox`).digest('hex'),
    createBatch: async (body, timeoutMs, isStopped) =>
      (await client()).createBatch(body, timeoutMs, isStopped),
    retrieveBatch: async (id) => (await client()).retrieveBatch(id),
    listBatches: async (page) => (await client()).listBatches(page),
    cancelBatch: async (id) => (await client()).cancelBatch(id),
    countTokens: async (params, timeoutMs) => (await client()).countTokens(params, timeoutMs),
    listModels: async (timeoutMs) => (await client()).listModels(timeoutMs),
    async *streamResults(id, signal) {
      yield* (await client()).streamResults(id, signal);
    },
    async close() {
      closed = true;
      if (starting === undefined) return;
      const { server, client } = await starting;
      await client.close();
      await server.close();
    },
  };
}
