import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createStore } from '../../src/store/file-store.ts';
import type { Claim } from '../../src/store/record.ts';
import { temporaryFolder } from './temporary-folder.ts';

const BATCH_ID = 'batch_01K9ZZZZZZZZZZZZZZZZZZZZZZ';

async function openStore() {
  const data = await temporaryFolder();
  return { data, store: createStore({ path: data, log: () => {} }) };
}

describe('claims', () => {
  const claim = (part: number): Claim => ({ batch_id: BATCH_ID, part, at: 'now' });

  it('hold for the first who makes one', async () => {
    const { store } = await openStore();
    expect(await store.claim('msgbatch_1', claim(1))).toEqual(claim(1));
    expect(await store.claim('msgbatch_1', claim(2))).toEqual(claim(1));
    expect(await store.findClaim('msgbatch_1')).toEqual(claim(1));
  });

  it('are one and the same for everyone who races for it', async () => {
    const { store } = await openStore();
    const held = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((part) => store.claim('msgbatch_r', claim(part))),
    );
    expect(new Set(held.map(({ part }) => part)).size).toBe(1);
    expect(await store.findClaim('msgbatch_r')).toEqual(held[0]);
  });

  it('are one and the same for 8 processes that race for 20 of them', async () => {
    const { store, data } = await openStore();
    const script = fileURLToPath(new URL('claim-worker.ts', import.meta.url));
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(async (part) => {
        const args = ['--import', 'tsx', script, data, BATCH_ID, String(part), '20'];
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
      Array.from({ length: 20 }, async (_, i) => (await store.findClaim(`msgbatch_${i}`))?.part),
    );
    expect(answers).toEqual(Array.from({ length: 8 }, () => `${held.join(' ')}\n`));
  });

  it.each(['', 'msgbatch_', 'batch_1', 'msgbatch_../x', 'msgbatch_a/b', `msgbatch_${'a'.repeat(200)}`])(
    'are not made or found under %j',
    async (id) => {
      const { store } = await openStore();
      expect(await store.findClaim(id)).toBeNull();
      await expect(store.claim(id, claim(1))).rejects.toMatchObject({ code: 'invalid_input' });
    },
  );

  it('are named when damaged, and a link planted there is not written through', async () => {
    const { store, data } = await openStore();
    await mkdir(join(data, 'claims'), { recursive: true });
    await writeFile(join(data, 'claims', 'msgbatch_bad.json'), '{"batch');
    await symlink(join(data, 'victim'), join(data, 'claims', 'msgbatch_link.json'));
    for (const id of ['msgbatch_bad', 'msgbatch_link']) {
      const failure = { code: 'store_damaged', message: expect.stringContaining(id) };
      await expect(store.findClaim(id)).rejects.toMatchObject(failure);
      await expect(store.claim(id, claim(1))).rejects.toMatchObject(failure);
    }
    await expect(stat(join(data, 'victim'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
