import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { follow, prompts, startApi } from '../api.ts';
import { type ApiRequest, apiError, json, reset, succeeded } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { unsummed } from '../store/unsummed.ts';

const starter = bundleForTests(path.join(import.meta.dirname, 'crash-starter.ts'));

const ended = {
  endsAtOnce: true,
  // Out of order, as the API may.
  results: (requests: ApiRequest[]) =>
    requests.toReversed().map((request) => succeeded(request, `answer ${request.custom_id}`)),
};

describe("another program's batch", () => {
  it('is followed and read by its own id, its tasks by their custom_id, and stays one batch', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api });
    const id = api.make(['row-1', 'row-2', 'row-10']);
    const status = await follow(server, id);
    expect(status).toMatchObject({ processing_status: 'ended', request_count: 3 });
    expect(status.warnings.join(' ')).toMatch(/Another program made this batch/);

    const results = await server.ok('get_results', { batch_id: id });
    expect(results.batch_id).toBe(status.batch_id);
    expect(results.results.map((result: any) => [result.task_id, result.text])).toEqual([
      ['row-1', 'answer row-1'],
      ['row-2', 'answer row-2'],
      ['row-10', 'answer row-10'],
    ]);
    expect(results.cost_usd.actual).toBeCloseTo(0.00000525, 10);
    const { batches } = await server.ok('list_batches');
    expect(batches).toHaveLength(1);
  });

  it('is adopted without reading the records of others once more', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const read: string[] = [];
    const store = (real: Store): Store => ({
      ...real,
      record: (id) => {
        const register = real.record(id);
        const noted = () => {
          read.push(id);
          return register.read();
        };
        return { ...register, read: noted };
      },
    });
    const server = await startServer({ api, folder, store });
    const others = [];
    for (const id of ['a', 'b', 'c']) others.push((await follow(server, api.make([id]))).batch_id);
    read.length = 0;
    const { batch_id } = await follow(server, api.make(['d']));
    expect([...new Set(read)]).toEqual([batch_id]);
    expect(others).not.toContain(batch_id);
  });

  it('whose adoption was killed half way is gone on with', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const id = api.make(['a']);
    const env = { CRASH_AT: 'staging.commit:after:1' };
    const doomed = await spawnServer({ starter: starter.path, folder, api, env });
    await expect(doomed.ok('batch_status', { batch_id: id })).rejects.toThrow(/Connection closed/);
    const server = await startServer({ api, folder });
    const { batch_id } = await follow(server, id);
    expect((await server.ok('list_batches')).batches).toMatchObject([{ batch_id }]);
    expect((await follow(server, id)).batch_id).toBe(batch_id);
  });

  it('is listed and counted once where another process adopted it at the same moment, and died', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api });
    const { batch_id } = await follow(server, api.make(['a']));
    // As that one left it: committed, and not the one that the claim names.
    const other = batch_id.replace(/.{4}$/, '0000');
    const folder = path.join(server.data, 'batches');
    await cp(path.join(folder, batch_id), path.join(folder, other), { recursive: true });
    for (const name of await readdir(path.join(folder, other, 'record'))) {
      const file = path.join(folder, other, 'record', name);
      await writeFile(file, unsummed(await readFile(file, 'utf8')).replaceAll(batch_id, other));
    }
    const again = await startServer({ api, folder: server.folder });
    const { batches, totals } = await again.ok('list_batches');
    expect(batches).toMatchObject([{ batch_id }]);
    expect(totals).toMatchObject({ batches: 1, requests: 1 });
  });

  it('that another data folder made is read under its own ids, also the one that was sent under a mark', async () => {
    const api = await startApi(ended);
    const maker = await startServer({ api });
    await maker.ok('submit_batch', { requests: prompts(['a', 'b']) });
    const server = await startServer({ api });
    const status = await follow(server, api.batches[0]?.id ?? '');
    expect(status.outcomes).toMatchObject({ succeeded: 2, missing: 0 });
    const page = await server.ok('get_results', { batch_id: status.batch_id, detail: 'full' });
    expect(page.results.map(({ task_id, custom_id }: Reply) => custom_id ?? task_id)).toEqual(['a', 'b']);
    const files = ['out.json', 'out.jsonl', 'out.csv', 'out.md'];
    for (const output_file of files)
      await server.ok('get_results', { batch_id: status.batch_id, output_file });
    const texts = await Promise.all(files.map((file) => readFile(path.join(server.work, file), 'utf8')));
    expect([JSON.stringify(page), ...texts].join('')).not.toContain('_mark_');
  });

  it('has a status, no results and a cancel while it runs', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const id = api.make(['a', 'b']);
    expect((await server.ok('batch_status', { batch_id: id })).processing_status).toBe('in_progress');
    const before = await server.ok('get_results', { batch_id: id });
    expect(before).toMatchObject({ results: [], totals: { total: 2, pending: 2 } });
    expect((await server.ok('cancel_batch', { batch_id: id })).processing_status).toBe('canceling');
  });

  it('is adopted once by two processes that look at the same moment', async () => {
    const api = await startApi(ended);
    const folder = await temporaryFolder();
    const servers = [await startServer({ api, folder }), await startServer({ api, folder })];
    const id = api.make(['a']);
    const seen = await Promise.all(servers.map((server) => server.ok('batch_status', { batch_id: id })));
    expect(seen[0]?.batch_id).toBe(seen[1]?.batch_id);
    expect((await servers[0]?.ok('list_batches'))?.batches).toHaveLength(1);
  });

  eachNth<[string, (ids: string[]) => string[], string[]]>(3, [
    ['has an id twice', () => ['a', 'b', 'b'], ['a', 'b', 'unnamed_1']],
    ['lacks a line', ([a = '', , c = '']) => [a, c], ['a', 'c', 'unnamed_1']],
    ['has an id like one that is made', () => ['a', 'unnamed_1'], ['a', 'unnamed_1', 'unnamed_2']],
  ])('whose results stay short is read as far as it goes: it %s', async (_what, lines, tasks) => {
    const api = await startApi(ended);
    const id = api.make(['a', 'b', 'c']);
    const body = lines(['a', 'b', 'c']).map((custom_id) =>
      succeeded({ custom_id, params: {} }, `answer ${custom_id}`),
    );
    api.override('results', (_request, response) =>
      response.end(body.map((line) => `${JSON.stringify(line)}\n`).join('')),
    );
    const server = await startServer({ api });
    expect((await follow(server, id)).outcomes).toMatchObject({ succeeded: 2, missing: 1 });
    const { results, totals } = await server.ok('get_results', { batch_id: id });
    expect(totals).toMatchObject({ total: 3, succeeded: 2, missing: 1 });
    expect(results.map((result: any) => result.task_id)).toEqual(tasks);
    expect(results[2].outcome).toBe('missing');
  });

  it('whose results fail once is read at the same look', async () => {
    const api = await startApi(ended);
    const id = api.make(['a', 'b']);
    api.override('results', reset, { times: 1 });
    const server = await startServer({ api });
    const { totals } = await server.ok('get_results', { batch_id: id });
    expect(totals).toMatchObject({ total: 2, succeeded: 2 });
  });

  it('is not known where the API does not know it', async () => {
    const server = await startServer({ api: await startApi(ended) });
    expect(await server.fails('batch_status', { batch_id: 'msgbatch_01Nothing' })).toMatch(/^not_found/);
  });

  it('is not adopted while it could be a part of ours that is being sent', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api, limits: { callMs: 300 } });
    const answer = api.hold('create');
    const submitting = server.ok('submit_batch', { requests: prompts(['a']) });
    await expect.poll(() => api.batches.length).toBe(1);
    const made = api.batches[0]?.id;
    const { batch_id } = await submitting;
    expect(await server.fails('batch_status', { batch_id: made })).toContain(batch_id);
    answer();
    const status = await follow(server, batch_id);
    expect(status.parts).toMatchObject([{ provider_batch_id: made }]);
    expect(api.creates).toHaveLength(1);
  });

  it('is not adopted while it could be a part of ours of which it is not certain', long, async () => {
    const api = await startApi(ended);
    const server = await startServer({ api, env: { BATCH_MCP_SETTLE_SECONDS: '0.1' } });
    let isAway = true;
    const away = json(500, apiError('api_error', 'no list'));
    api.override(
      'create',
      (request, response) => {
        api.override('list', (asked, answer, pass) => (isAway ? away(asked, answer) : pass()));
        reset(request, response);
      },
      { times: 1, after: true },
    );
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a']) });
    const made = api.batches[0]?.id;
    expect(await server.fails('batch_status', { batch_id: made })).toContain(batch_id);
    isAway = false;
    const status = await follow(server, batch_id);
    expect(status.parts).toMatchObject([{ provider_batch_id: made }]);
    expect(api.creates).toHaveLength(1);
  });

  it.each([
    ['off', 'batch_status', /^not_allowed/],
    ['read', 'cancel_batch', /^not_allowed/],
  ])('obeys BATCH_MCP_REMOTE=%s', async (remote, tool, refusal) => {
    const api = await startApi();
    const server = await startServer({ api, env: { BATCH_MCP_REMOTE: remote } });
    const id = api.make(['a']);
    expect(await server.fails(tool, { batch_id: id })).toMatch(refusal);
    expect(api.batches[0]?.status).toBe('in_progress');
  });

  it('is listed from the API when asked, ours left out', async () => {
    const api = await startApi(ended);
    const server = await startServer({ api });
    await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'x' }] });
    const id = api.make(['b', 'c']);
    const { remote } = await server.ok('list_batches', { include_remote: true });
    expect(remote).toMatchObject([{ batch_id: id, processing_status: 'ended', request_count: 2 }]);
  });
});
