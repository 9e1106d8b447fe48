import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStore } from '../../src/store/files/create-store.ts';
import { bundleForTests } from '../bundle.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const worker = bundleForTests(path.join(import.meta.dirname, 'claim-worker.ts'));
const BATCH_ID = 'batch_01K9ZZZZZZZZZZZZZZZZZZZZZZ';

async function openStore() {
  const data = await temporaryFolder();
  return { data, store: createStore({ path: data, log: () => {} }) };
}

describe('claims', () => {
  it('are one and the same for 8 processes that race for 20 of them', async () => {
    const { store, data } = await openStore();
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(async (part) => {
        const args = [worker.path, data, BATCH_ID, String(part), '20'];
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => {
          out += chunk.toString();
        });
        await once(child, 'close');
        return out;
      }),
    );
    const held = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => (await store.claim(`msgbatch_${i}`).read())?.owner?.part),
    );
    expect(answers).toEqual(Array.from({ length: 8 }, () => `${held.join(' ')}\n`));
  });

  it.each(['', 'msgbatch_', 'batch_1', 'msgbatch_../x', 'msgbatch_a/b', `msgbatch_${'a'.repeat(200)}`])(
    'have no place under %j',
    async (id) => {
      const { store } = await openStore();
      expect(() => store.claim(id)).toThrow(expect.objectContaining({ code: 'invalid_input' }));
    },
  );
});
