import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createAnthropicProvider } from '../../src/provider/anthropic/anthropic-provider.ts';
import { createSandboxProvider } from '../../src/provider/sandbox/sandbox-provider.ts';
import { startApiServer } from '../api-server.ts';
import { describeProvider } from './contract.ts';

const log = () => {};

describeProvider('Anthropic, over HTTP', async () => {
  const api = await startApiServer({
    tokens: (params) => Math.ceil(JSON.stringify(params).length / 4),
    models: [
      {
        type: 'model',
        id: 'claude-haiku-5-5',
        lifecycle: 'active',
        max_tokens: 128_000,
        capabilities: { batch: { supported: true } },
      },
    ],
  });
  const provider = createAnthropicProvider({ apiKey: api.key, baseUrl: api.url, log });
  return {
    provider,
    endAll: async () => api.endAll(),
    async close() {
      await provider.close();
      await api.close();
    },
  };
});

/** The sandbox's batches end by the clock: here each once its file says that it takes no time. */
describeProvider('the sandbox', async (folder) => {
  const provider = createSandboxProvider({ folder: path.join(folder, 'sandbox'), seconds: 3_600, log });
  return {
    provider,
    async endAll() {
      for (const id of await readdir(path.join(folder, 'sandbox'))) {
        const file = path.join(folder, 'sandbox', id, 'batch.json');
        await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), seconds: 0 }));
      }
    },
    close: () => provider.close(),
  };
});
