import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStore } from '../../../src/store/files/create-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { bundleForTests } from '../../bundle.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { commitBatch, recordOf } from '../contract/batches.ts';
import { piecesOf } from '../contract/pieces.ts';

const worker = bundleForTests(join(import.meta.dirname, 'staging-worker.ts'));
const UNKNOWN_ID = 'batch_01K9ZZZZZZZZZZZZZZZZZZZZZZ';

async function openStore(): Promise<{ store: Store; data: string; logged: string[] }> {
  const data = join(await temporaryFolder(), 'data');
  const logged: string[] = [];
  return { store: createStore({ path: data, log: (message) => logged.push(message) }), data, logged };
}

describe('staging', () => {
  it('touches no disk before it is used', async () => {
    const { store, data } = await openStore();
    expect(await store.batchIds()).toEqual([]);
    expect(await store.record(UNKNOWN_ID).read()).toBeNull();
    expect(await store.claim('msgbatch_1').read()).toBeNull();
    await store.sweep();
    await expect(stat(data)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('shows a batch only when committed, with its record and files, and leaves nothing behind', async () => {
    const { store, data } = await openStore();
    const staging = await store.stage();
    await staging.blobs.write('part-0001.requests.json', piecesOf('body'));
    expect(await store.batchIds()).toEqual([]);
    expect(await store.record(staging.batchId).read()).toBeNull();
    await staging.commit(recordOf(staging.batchId));
    expect(await store.batchIds()).toEqual([staging.batchId]);
    expect(await store.record(staging.batchId).read()).toEqual(recordOf(staging.batchId));
    expect(await readFile(join(data, 'batches', staging.batchId, 'part-0001.requests.json'), 'utf8')).toBe(
      'body',
    );
    expect((await readdir(join(data, 'batches', staging.batchId))).sort()).toEqual([
      'part-0001.requests.json',
      'record',
    ]);
    expect(await readdir(join(data, 'staging'))).toEqual([]);
    expect(await readdir(join(data, 'tmp'))).toEqual([]);
    await staging.discard();
    expect(await store.batchIds()).toEqual([staging.batchId]);
  });

  it('leaves nothing when discarded', async () => {
    const { store, data } = await openStore();
    const staging = await store.stage();
    await staging.blobs.write('tasks.jsonl', piecesOf('x'));
    await staging.discard();
    expect(await readdir(join(data, 'staging'))).toEqual([]);
    expect(await store.batchIds()).toEqual([]);
  });

  it('keeps folders 0700 and files 0600', async () => {
    const { store, data } = await openStore();
    const id = await commitBatch(store);
    await store.claim('msgbatch_1').update(() => ({ owner: { batch_id: id, part: 1 }, tentative: false }));
    const mode = async (...names: string[]) => (await stat(join(data, ...names))).mode & 0o777;
    for (const names of [
      [],
      ['batches'],
      ['batches', id],
      ['batches', id, 'record'],
      ['claims'],
      ['staging'],
    ]) {
      expect(await mode(...names)).toBe(0o700);
    }
    expect(await mode('claims', 'msgbatch_1', '00000001.json')).toBe(0o600);
    expect(await mode('batches', id, 'record', '00000001.json')).toBe(0o600);
  });
});

describe('batches', () => {
  it('are listed newest first, other names in the folder left out', async () => {
    const { store, data } = await openStore();
    const made: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      made.unshift(await commitBatch(store));
      // Two ids of one millisecond stand in no order.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await mkdir(join(data, 'batches', 'batch_not-an-id'));
    expect(await store.batchIds()).toEqual(made);
  });

  it('are removed whole; one that is not there is no error', async () => {
    const { store, data } = await openStore();
    const id = await commitBatch(store);
    await store.removeBatch(id);
    await store.removeBatch(UNKNOWN_ID);
    expect(await store.batchIds()).toEqual([]);
    expect(await store.record(id).read()).toBeNull();
    expect(await store.record(id).update((current) => current)).toBeNull();
    expect(await readdir(join(data, 'batches'))).toEqual([]);
    expect(await readdir(join(data, 'staging', 'trash'))).toEqual([]);
  });
});

describe('sweeping', () => {
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);

  it('removes temporary files over an hour old, and only those', async () => {
    const { store, data } = await openStore();
    await commitBatch(store);
    for (const [name, hours] of [
      ['old', 1.1],
      ['young', 0.9],
    ] as const) {
      await writeFile(join(data, 'tmp', name), 'x');
      await utimes(join(data, 'tmp', name), hoursAgo(hours), hoursAgo(hours));
    }
    await store.sweep();
    expect(await readdir(join(data, 'tmp'))).toEqual(['young']);
  });

  it('removes what a killed process was preparing, and leaves what lives or cannot be judged', async () => {
    const { store, data, logged } = await openStore();
    const ours = await store.stage();
    const [ownerless, old, damaged] = await Promise.all([store.stage(), store.stage(), store.stage()]);
    const home = ({ batchId }: typeof ours) => join(data, 'staging', batchId.replace('batch_', ''));
    for (const staging of [ownerless, old])
      await rename(join(home(staging), 'owner.json'), join(data, 'away'));
    await utimes(home(old), hoursAgo(2), hoursAgo(2));
    await writeFile(join(home(damaged), 'owner.json'), '{');

    const child = spawn(process.execPath, [worker.path, data], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(child.stdout, 'data');
    const theirs = String(said).trim();
    await store.sweep();
    expect(await readdir(join(data, 'staging'))).toContain(theirs);

    child.kill('SIGKILL');
    await once(child, 'close');
    await store.sweep();
    const left = await readdir(join(data, 'staging'));
    expect(left).not.toContain(theirs);
    expect(left.map((name) => join(data, 'staging', name)).sort()).toEqual(
      [ours, ownerless, damaged].map(home).sort(),
    );
    expect(logged.join()).toContain(home(damaged));
  });

  it('finishes removals that were cut short', async () => {
    const { store, data } = await openStore();
    await mkdir(join(data, 'staging', 'trash', 'x', 'record'), { recursive: true });
    await store.sweep();
    expect(await readdir(join(data, 'staging', 'trash'))).toEqual([]);
  });
});
