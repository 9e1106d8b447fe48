import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBeingSent } from '../../../src/state/status.ts';
import { createStore } from '../../../src/store/files/create-store.ts';
import { openMovableFolder } from '../../../src/store/files/movable.ts';
import type { Movable } from '../../../src/store/moving/movable.ts';
import { moveStore, undoMove } from '../../../src/store/moving/move-store.ts';
import type { Store } from '../../../src/store/store.ts';
import { follow, ids, prompts, startApi } from '../../api.ts';
import { createDesk, run } from '../../cli/run-binary.ts';
import { spawnServer, temporaryFolder } from '../../harness.ts';
import { eachNth, long } from '../../long.ts';
import { commitBatch, recordOf } from '../contract/batches.ts';
import { contentOf, piecesOf } from '../contract/pieces.ts';
import { contentsOf } from './contents.ts';

type Tested = { folder: string; store: Store; movable: Movable };

async function newStore(): Promise<Tested> {
  const folder = path.join(await temporaryFolder(), 'data');
  return { folder, store: createStore({ path: folder, log: () => {} }), movable: openMovableFolder(folder) };
}

const move = (from: Tested, to: Tested, options = {}) =>
  moveStore(from.movable, to.movable, { isBusy: isBeingSent, ...options });

/** What a server meets on it. */
async function served({ store }: Tested): Promise<string> {
  try {
    const found = await store.batchIds();
    return `${found.length} batches`;
  } catch (error) {
    return String(error);
  }
}

async function filled(): Promise<Tested & { batchId: string }> {
  const made = await newStore();
  const batchId = await commitBatch(made.store);
  await commitBatch(made.store);
  await made.store.claim('msgbatch_1').update(() => ({ owner: null, tentative: false }));
  await made.store.signingKey().update(() => ({ key: 'a key' }));
  await made.store.audit({ at: 'now', tool: 'submit_batch', outcome: 'done' });
  return { ...made, batchId };
}

describe('a store that is copied', () => {
  test('is there whole, and served from there alone', async () => {
    const [from, to] = [await filled(), await newStore()];
    expect(await move(from, to)).toEqual({
      batches: 2,
      already_there: 0,
      blobs: 2,
      bytes: 30,
      registers: 2,
      audit_lines: 1,
    });
    expect(await to.store.batchIds()).toHaveLength(2);
    expect(await contentOf(to.store.blobs(from.batchId).read('content'))).toBe('made in staging');
    expect(await to.store.signingKey().read()).toEqual({ key: 'a key' });
    expect(await served(from)).toContain(`was moved to ${to.folder}`);
    for (const work of [
      () => from.store.stage(),
      () => from.store.record(from.batchId).read(),
      () => from.store.record(from.batchId).update((record) => record && { ...record, name: 'late' }),
      () => from.store.removeBatch(from.batchId),
    ])
      await expect(work()).rejects.toMatchObject({ code: 'store_failed' });
    // Of whatever version the server is: there is no folder that it could write into.
    expect(await readFile(path.join(from.folder, 'batches'), 'utf8')).toContain('docs/team.md');
    expect(await move(from, to)).toBe('already moved');
  });

  test('comes back with what became of it meanwhile', async () => {
    const [from, to] = [await filled(), await newStore()];
    await move(from, to);
    await to.store.record(from.batchId).update((record) => record && { ...record, name: 'later' });
    await to.store.blobs(from.batchId).write('more', piecesOf('more'));
    const added = await commitBatch(to.store);
    const [removed] = (await to.store.batchIds()).filter((id) => id !== added && id !== from.batchId);
    await to.store.removeBatch(removed ?? '');
    await to.store.claim('msgbatch_1').update((claim) => claim && { ...claim, tentative: true });
    await to.movable.close();
    const before = await contentsOf(to.movable);
    await to.movable.reopen();
    expect(await move(to, from)).toMatchObject({ batches: 2 });
    await from.movable.close();
    expect(await contentsOf(from.movable)).toEqual(before);
    await from.movable.reopen();
    expect(await from.store.record(from.batchId).read()).toMatchObject({ name: 'later' });
    expect(await served(to)).toContain(`was moved to ${from.folder}`);
  });

  test('is closed on both sides until all of it is there, and can be taken back until then', async () => {
    const [from, to] = [await filled(), await newStore()];
    const gone = new AbortController();
    gone.abort();
    await expect(move(from, to, { signal: gone.signal })).rejects.toThrow('Call it again to go on');
    expect(await served(from)).toContain(`is being moved to ${to.folder}`);
    expect(await served(to)).toContain(`is being filled from ${from.folder}`);
    await expect(undoMove(to.movable)).rejects.toThrow('name that one with --from');
    expect(await undoMove(from.movable)).toBe(true);
    expect(await undoMove(from.movable)).toBe(false);
    expect(await served(from)).toBe('2 batches');
    expect(await served(to)).toContain(`is being filled from ${from.folder}`);
    await commitBatch(from.store);
    expect(await move(from, to)).toMatchObject({ batches: 3 });
    expect(await served(to)).toBe('3 batches');
    await expect(undoMove(from.movable)).rejects.toThrow('which serves its batches');
  });

  eachNth(3, [
    ['a batch of its own', (to: Tested) => commitBatch(to.store)],
    [
      'a budget of its own',
      (to: Tested) => to.store.budget('2026-11-22').update(() => ({ spent_usd: 1, open: [] })),
    ],
    ['been moved to a third', async (to: Tested) => void (await move(to, await newStore()))],
    [
      'been moved, filled, to a third',
      async (to: Tested) => {
        await commitBatch(to.store);
        await move(to, await newStore());
      },
    ],
  ])('is left where it is when the other one has %s', async (_what, spoil) => {
    const [from, to] = [await filled(), await newStore()];
    await spoil(to);
    const before = await served(to);
    await expect(move(from, to)).rejects.toMatchObject({ code: 'wrong_state' });
    expect(await served(from)).toBe('2 batches');
    expect(await served(to)).toBe(before);
  });

  test('goes to one other store only', async () => {
    const [from, to, third] = [await filled(), await newStore(), await newStore()];
    await expect(move(from, to, { signal: AbortSignal.abort() })).rejects.toThrow('Interrupted');
    await expect(move(from, third)).rejects.toThrow(`is being moved to ${to.folder}`);
    await expect(move(third, to)).rejects.toThrow(`is on its way to or from ${from.folder}`);
    await move(from, to);
    const alias = path.join(await temporaryFolder(), 'alias');
    await symlink(from.folder, alias);
    const itself = { ...from, movable: openMovableFolder(alias) };
    await expect(move(from, itself)).rejects.toThrow(`was moved to ${to.folder}`);
    expect(await served(from)).toContain('was moved to');
    await expect(move(from, third)).rejects.toThrow(`was moved to ${to.folder}`);
    await expect(move(third, from)).rejects.toThrow('only that can be copied back');
  });

  test('is not copied while a batch of it is being sent', async () => {
    const [from, to] = [await filled(), await newStore()];
    const part = {
      number: 1,
      attempt: 1,
      request_count: 1,
      first_task: 0,
      tasks: 'run' as const,
      body_bytes: 1,
      body_sha256: '',
    };
    const staging = await from.store.stage();
    await staging.commit({
      ...recordOf(staging.batchId),
      parts: [{ ...part, progress: { state: 'prepared' } }],
    });
    await expect(move(from, to)).rejects.toThrow(staging.batchId);
    expect(await served(from)).toBe('3 batches');
    expect(await served(to)).toBe('0 batches');
    await from.store
      .record(staging.batchId)
      .update((record) => record && { ...record, never_sent: { at: '2026-11-27T09:00:00.000Z', why: '' } });
    expect(await move(from, to)).toMatchObject({ batches: 3 });
  });

  test.each<[what: string, spoil: (movable: Movable) => Partial<Movable>]>([
    ['a batch', (movable) => ({ batchIds: async () => [...(await movable.batchIds()), '../evil'] })],
    [
      'a register',
      (movable) => ({
        registers: async () => [...(await movable.registers()), { kind: 'submission', name: '../../evil' }],
      }),
    ],
    [
      'a blob',
      (movable) => ({ batch: (id) => ({ ...movable.batch(id), blobNames: async () => ['../../evil'] }) }),
    ],
  ])('holds %s under a name that leads elsewhere, and nothing is written there', async (what, spoil) => {
    const [from, to] = [await filled(), await newStore()];
    const spoiled = { ...from, movable: { ...from.movable, ...spoil(from.movable) } };
    await expect(move(spoiled, to)).rejects.toThrow(new RegExp(`holds ${what} .*evil"`));
    const all = await readdir(path.dirname(to.folder), { recursive: true });
    expect(all.filter((name) => name.includes('evil'))).toEqual([]);
    expect(await undoMove(from.movable)).toBe(true);
    expect(await move(from, to)).toMatchObject({ batches: 2 });
  });

  test('holds what a version after this one wrote, and what is damaged, byte for byte', async () => {
    const [from, to] = [await filled(), await newStore()];
    const record = path.join(from.folder, 'batches', from.batchId, 'record', '00000001.json');
    const text = (await readFile(record, 'utf8')).replace('"name":"test"', '"name":"test","of_later":1');
    await cp(record, record.replace('1.json', '2.json'));
    await writeFile(record.replace('1.json', '2.json'), text);
    await writeFile(record.replace('1.json', '3.json'), '{"schema":');
    await move(from, to);
    const moved = record.replace(from.folder, to.folder);
    expect(await readFile(moved.replace('1.json', '2.json'), 'utf8')).toBe(text);
    expect(await readFile(moved.replace('1.json', '3.json'), 'utf8')).toBe('{"schema":');
  });
});

test('batch-mcp store copy moves what real servers made, which say where it went', long, async () => {
  const api = await startApi();
  const server = await spawnServer({ api });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(3)) });
  const target = path.join(await temporaryFolder(), 'other');
  const desk = await createDesk();
  const copied = await run(desk, ['store', 'copy', '--from', server.data, '--to', target, '--json']);
  expect(copied).toMatchObject({ code: 0, stderr: 'copying …\npreparing the lists …\n' });
  expect(JSON.parse(copied.stdout)).toMatchObject({ from: server.data, to: target, batches: 1 });
  const said = `was moved to ${target}`;
  expect(await server.fails('batch_status', { batch_id })).toContain(said);
  expect(await server.fails('submit_batch', { requests: prompts(ids(3)) })).toContain(said);
  expect(await server.fails('list_batches')).toContain(said);
  api.endAll();
  const env = { BATCH_MCP_DATA_DIR: target };
  const next = await spawnServer({ api, env });
  expect((await follow(next, batch_id)).outcomes).toMatchObject({ succeeded: 3 });
  expect(await next.ok('submit_batch', { requests: prompts(ids(3)) })).toMatchObject({
    batch_id,
    duplicate: true,
  });
  expect(api.creates).toHaveLength(1);
  for (const [args, words] of [
    [['store', 'move'], 'Valid: batch-mcp store copy'],
    [['store', 'copy'], 'Name two stores'],
    [['store', 'copy', '--from', target, '--to', target], 'Name two stores'],
    [
      ['store', 'copy', '--from', target, '--to', 'postgres://u:secret-of-mine@h'],
      'not the address of a store',
    ],
  ] as const) {
    const ended = await run(desk, args);
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
    expect(ended.stdout + ended.stderr).not.toContain('secret-of-mine');
  }
});
