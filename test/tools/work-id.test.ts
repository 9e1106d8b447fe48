import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { BatchError } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { startApi, startCheckedServer } from '../api.ts';
import { startServer, type TestServer } from '../harness.ts';
import { eachNth } from '../long.ts';

const work = { rows_file: 't.csv', id_column: 'id', prompt: 'Sort this: {{text}}', model_tier: 'cheap' };

async function started(options: Parameters<typeof startServer>[0] = {}) {
  const api = await startApi({ endsAtOnce: true });
  const server = await startCheckedServer({ api, ...options });
  await write(server, 't.csv', 'id,text,note\n1,a,x\n2,b,y\n');
  await write(server, 'docs-a.md', 'A');
  return { api, server };
}

const write = (server: TestServer, name: string, text: string) =>
  writeFile(path.join(server.work, name), text);

const sources: [what: string, args: object][] = [
  ['a table', work],
  ['files', { input_files: ['docs-*.md'], prompt: 'Shorten: {{text}}', context_files: ['t.csv'] }],
  ['tasks inline', { requests: [{ task_id: 'a', task_type: 'analyze_logs', input_data: { logs: 'x' } }] }],
];

describe('work_id', () => {
  eachNth(3, sources)('of %s sends what the arguments would, at the same figure', async (_what, args) => {
    const { api, server } = await started();
    const estimate = await server.ok('estimate_cost', args);
    expect(estimate.work_id).toMatch(/^work_[0-9a-f]{32}$/);
    expect(estimate.next_step).toContain(`work_id ${estimate.work_id}`);
    const sent = await server.ok('submit_batch', { work_id: estimate.work_id, name: 'By its id' });
    expect(sent).toMatchObject({
      duplicate: false,
      name: 'By its id',
      request_count: estimate.request_count,
      cost_usd: estimate.cost_usd,
    });
    expect(api.creates).toHaveLength(1);
    // The arguments themselves are the same work, so nothing more is sent.
    expect(await server.ok('submit_batch', args)).toMatchObject({
      duplicate: true,
      batch_id: sent.batch_id,
    });
    expect(api.creates).toHaveLength(1);
  });

  it('is the same for the same work, also in another process, and another for other work', async () => {
    const { server } = await started();
    const first = await server.ok('estimate_cost', work);
    const other = await startServer({ folder: server.folder });
    expect((await other.ok('estimate_cost', work)).work_id).toBe(first.work_id);
    expect((await other.ok('estimate_cost', { ...work, max_tasks: 1 })).work_id).not.toBe(first.work_id);
    const { work_id } = first;
    expect(await other.ok('submit_batch', { work_id, sandbox: true })).toMatchObject({ request_count: 2 });
  });

  it('is refused where the settings of another server take another model for its tier', async () => {
    const { api, server } = await started();
    const { work_id } = await server.ok('estimate_cost', work);
    const env = { BATCH_MCP_MODEL_CHEAP: 'claude-opus-5-5' };
    const dearer = await startServer({ api, folder: server.folder, env });
    expect(await dearer.fails('submit_batch', { work_id })).toMatch(
      /work_id: was priced for claude-haiku-5-5, and by this server's settings would go to claude-opus-5-5/,
    );
    expect(api.creates).toHaveLength(0);
    // As the arguments say it anew, it is that server's own work.
    expect(await dearer.ok('submit_batch', work)).toMatchObject({ request_count: 2 });
    expect(await server.ok('submit_batch', { work_id })).toMatchObject({ request_count: 2 });
  });

  eachNth<[what: string, change: (server: TestServer) => Promise<unknown>, said: RegExp]>(3, [
    ['other text', (server) => write(server, 't.csv', 'id,text,note\n1,a,x\n2,c,y\n'), /t\.csv" was changed/],
    [
      'another column only',
      (server) => write(server, 't.csv', 'id,text,note\n1,a,x\n2,b,zz\n'),
      /t\.csv" was changed/,
    ],
    ['a file that is gone', (server) => rm(path.join(server.work, 'docs-a.md')), /docs-a\.md" was removed/],
    ['a file more', (server) => write(server, 'docs-b.md', 'B'), /docs-b\.md" was added/],
  ])('is refused by name after %s', async (_what, change, said) => {
    const { api, server } = await started();
    await write(server, 'docs-0.md', 'stays');
    const { work_id } = await server.ok('estimate_cost', { ...work, context_files: ['docs-*.md'] });
    await change(server);
    expect(await server.fails('submit_batch', { work_id })).toMatch(said);
    expect(api.creates).toEqual([]);
    expect(await readdir(path.join(server.data, 'batches')).catch(() => [])).toEqual([]);
  });

  eachNth<[what: string, name: string, text: string, said: RegExp | null]>(3, [
    ['a table that was only touched', 't.csv', 'id,text,note\n1,a,x\n2,b,y\n', null],
    ['a document that was only touched', 'docs-a.md', 'A', null],
    ['a table of other text, as long', 't.csv', 'id,text,note\n1,a,x\n2,c,y\n', /t\.csv" was changed/],
    ['another column only, as long', 't.csv', 'id,text,note\n1,a,x\n2,b,z\n', /t\.csv" was changed/],
    ['a document of other text, as long', 'docs-a.md', 'B', /docs-a\.md" was changed/],
  ])('goes by what a file holds where its time is another one: %s', async (_what, name, text, said) => {
    const { api, server } = await started();
    const { work_id } = await server.ok('estimate_cost', { ...work, context_files: ['docs-*.md'] });
    await write(server, name, text);
    await utimes(path.join(server.work, name), new Date(), new Date('2026-11-01T00:00:00Z'));
    if (said === null) await server.ok('submit_batch', { work_id });
    else expect(await server.fails('submit_batch', { work_id })).toMatch(said);
    expect(api.creates).toHaveLength(said === null ? 1 : 0);
  });

  it('is refused where the work has changed though its file looks as it did', async () => {
    const { api, server } = await started();
    const file = path.join(server.work, 't.csv');
    const then = new Date('2026-11-01T00:00:00Z');
    await utimes(file, then, then);
    const { work_id } = await server.ok('estimate_cost', work);
    await write(server, 't.csv', 'id,text,note\n1,a,x\n2,c,y\n');
    await utimes(file, then, then);
    expect(await server.fails('submit_batch', { work_id })).toMatch(/work_id: is for work that would now/);
    expect(api.creates).toEqual([]);
  });

  eachNth<[args: object, field: string]>(3, [
    [work, 'rows_file'],
    [{ requests: ['a'] }, 'requests'],
    [{ prompt: 'Another: {{text}}' }, 'prompt'],
    [{ model: 'claude-haiku-5-5' }, 'model'],
    [{ max_tasks: 1 }, 'max_tasks'],
    [{ expect: { label: 'note' } }, 'expect'],
  ])('is refused beside %j, which would change the work', async (args, field) => {
    const { server } = await started();
    const { work_id } = await server.ok('estimate_cost', work);
    const refusal = await server.fails('submit_batch', { work_id, ...args });
    expect(refusal).toMatch(new RegExp(`${field}: is given together with work_id`));
  });

  it('goes with all that says how work is sent and written', async () => {
    const { server } = await started();
    const { work_id } = await server.ok('estimate_cost', work);
    const how = { output_file: 'o.csv', output_pattern: 'out/{{id}}.txt', retries: 1, max_cost_usd: 1 };
    await server.ok('submit_batch', { work_id, ...how, sandbox: true });
    const again = await server.ok('submit_batch', { work_id, force_new: true });
    expect(again.duplicate).toBe(false);
    expect(await server.fails('submit_batch', { work_id, force_new: true, max_cost_usd: 0 })).toMatch(
      /^cost_limit/,
    );
  });

  it.each<[work_id: string, said: RegExp]>([
    [`work_${'0'.repeat(32)}`, /^not_found.*estimate_cost/],
    ['../../etc', /^invalid_input.*not a work_id/],
    ['work_1', /^invalid_input.*not a work_id/],
  ])('%s is none', async (work_id, said) => {
    const { server } = await started();
    expect(await server.fails('submit_batch', { work_id })).toMatch(said);
  });

  it('is said to be missing where the work could not be kept', async () => {
    const full = new BatchError('store_failed', 'Could not write (ENOSPC). The disk is full: make room.');
    const store = (real: Store): Store => ({
      ...real,
      work: (id) => ({ ...real.work(id), update: () => Promise.reject(full) }),
    });
    const { server } = await started({ store });
    const { work_id, warnings, cost_usd } = await server.ok('estimate_cost', work);
    expect(work_id).toBeUndefined();
    const { server: kept } = await started();
    expect(cost_usd).toEqual((await kept.ok('estimate_cost', work)).cost_usd);
    expect(warnings.join('\n')).toMatch(/no work_id.*The disk is full: make room.*the same arguments/);
  });

  it('is kept for a day', async () => {
    let now = new Date('2026-11-26T00:00:00Z');
    const { server } = await started({ now: () => now });
    const { work_id } = await server.ok('estimate_cost', work);
    now = new Date('2026-11-27T00:00:01Z');
    expect(await server.fails('submit_batch', { work_id, sandbox: true })).toMatch(/^not_found/);
  });
});
