import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { endedBatch, follow, ids, prompts } from '../api.ts';
import type { ApiHandler, ApiServer } from '../api-server.ts';
import { type Reply, startServer, temporaryFolder } from '../harness.ts';
import { eachNth } from '../long.ts';
import { sentIds } from '../retry.ts';

const tasks = prompts(ids(5));
const MINUTE = 60_000;

/** A batch of five that has ended, before a clock that the test sets. */
async function ended(submit: object = {}) {
  const clock = { ms: 0 };
  const now = () => new Date(Date.now() + clock.ms);
  const folder = await temporaryFolder();
  const batch = await endedBatch(tasks, undefined, { server: { now, folder }, submit });
  return { ...batch, clock, now, folder, files: path.join(batch.server.data, 'batches', batch.batch_id) };
}

/** Downloads without the lines of these tasks. */
const without =
  (api: ApiServer, ...missing: string[]): ApiHandler =>
  (_request, response) => {
    const lines = String(api.batches[0]?.results).trimEnd().split('\n');
    const left = lines.filter((line) => !missing.some((id) => line.includes(`answer ${id}`)));
    response.writeHead(200).end(left.map((line) => `${line}\n`).join(''));
  };

const fetches = (api: ApiServer) =>
  api.requests.filter(({ path: asked }) => asked.endsWith('/results')).length;

const allAnswers = ids(5).map((id) => `answer ${id}`);
const texts = ({ results }: Reply) => results.map(({ text }: Reply) => text);

describe('what a download lacks', () => {
  test('is provisional for 15 minutes, and there when a later look finds it', async () => {
    const { api, server, batch_id, clock, files } = await ended({ output_file: 'out.jsonl' });
    api.override('results', without(api, 't002', 't004'), { times: 3 });
    const first = await follow(server, batch_id, ({ output_files }) => output_files.length === 1);
    expect(first).toMatchObject({ outcomes: { succeeded: 3, missing: 2 }, cost_usd: { actual: null } });
    expect(first.warnings.join(' ')).toMatch(/provisional until 2\d\d\d-/);
    expect(first.check_again_in_seconds).toBeGreaterThan(14 * 60);
    expect(first.check_again_in_seconds).toBeLessThanOrEqual(15 * 60);
    expect(first.next_step).toMatch(/may yet come.*batch_status/);
    const before = await readFile(path.join(files, 'part-0001.results.jsonl'), 'utf8');

    // Right after a download there is nothing new.
    const results = await server.ok('get_results', { batch_id });
    expect(results.next_step).toMatch(/may yet come.*get_results/);
    expect(fetches(api)).toBe(3);

    clock.ms = 9_000;
    const late = await follow(server, batch_id, ({ outcomes }) => outcomes.missing === 0);
    expect(late).toMatchObject({ outcomes: { succeeded: 5 }, check_again_in_seconds: 0, warnings: [] });
    expect(texts(await server.ok('get_results', { batch_id }))).toEqual(allAnswers);
    expect(fetches(api)).toBe(4);
    const written = await readFile(path.join(server.work, 'out.jsonl'), 'utf8');
    expect(written.match(/answer t/g)).toHaveLength(5);
    expect(await readFile(path.join(files, 'part-0001.results.jsonl'), 'utf8')).toBe(before);
    expect(await readdir(files)).toContain('part-0001.results.2.jsonl');
  });

  test('is missing for good after downloads over 15 minutes', async () => {
    const { api, server, batch_id, clock } = await ended();
    api.override('results', without(api, 't002'));
    for (const [seconds, fetched] of [
      [0, 3],
      [2, 3],
      [6, 4],
      [7, 4],
      [60, 5],
      [899, 6],
      [901, 7],
      [902, 7],
      [9_000, 7],
    ] as const) {
      clock.ms = seconds * 1000;
      const reply = await server.ok('get_results', { batch_id });
      expect(reply.totals).toMatchObject({ succeeded: 4, missing: 1 });
      expect({ seconds, fetched: fetches(api) }).toEqual({ seconds, fetched });
      expect(reply.warnings.join(' ').includes('provisional')).toBe(seconds < 900);
    }
  });

  test('is looked for by a clock that was set back since, and certain a quarter of an hour later', async () => {
    const { api, server, batch_id, clock } = await ended();
    clock.ms = 400 * 24 * 60 * MINUTE;
    api.override('results', without(api, 't002', 't004'), { times: 3 });
    api.override('results', without(api, 't002'));
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ missing: 2 });
    clock.ms = 0;
    const seen = await follow(server, batch_id, ({ outcomes }) => outcomes.missing === 1);
    expect(seen.check_again_in_seconds).toBeLessThanOrEqual(15 * 60);
    clock.ms = 16 * MINUTE;
    await follow(server, batch_id, ({ warnings }) => !warnings.join(' ').includes('provisional'));
    const { retry } = await server.ok('retry_batch', { batch_id });
    expect(retry).toMatchObject({ request_count: 1 });
  });

  test('adds up where each download lacks another one', async () => {
    const { api, server, batch_id, clock } = await ended();
    api.override('results', without(api, 't001', 't005'), { times: 3 });
    api.override('results', without(api, 't002', 't005'), { times: 1 });
    api.override('results', without(api, 't003', 't004'), { times: 1 });
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ succeeded: 3 });
    clock.ms = 10_000;
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ succeeded: 4 });
    clock.ms = 30_000;
    const whole = await server.ok('get_results', { batch_id });
    expect(texts(whole)).toEqual(allAnswers);
    expect(whole.warnings).toEqual([]);
    const raw = await server.ok('get_results', { batch_id, output_file: 'all.raw.jsonl' });
    const lines = await readFile(raw.output_files[0], 'utf8');
    expect(lines.trimEnd().split('\n')).toHaveLength(5);
  });

  test('is there for another process, also after one that died before it could note it', async () => {
    const { api, server, batch_id, clock, now, folder, files } = await ended();
    api.override('results', without(api, 't002'), { times: 3 });
    await server.ok('get_results', { batch_id });
    await writeFile(path.join(files, 'part-0001.results.2.jsonl'), String(api.batches[0]?.results));
    clock.ms = 10_000;
    const others = await Promise.all([1, 2, 3].map(() => startServer({ api, folder, now })));
    const replies = await Promise.all(others.map((other) => other.ok('get_results', { batch_id })));
    for (const reply of replies) expect(texts(reply)).toEqual(allAnswers);
    expect(fetches(api)).toBe(3);
  });

  test('holds nothing up where it cannot be fetched again', async () => {
    const { api, server, batch_id, clock } = await ended();
    api.override('results', without(api, 't002'), { times: 3 });
    await server.ok('get_results', { batch_id });
    clock.ms = MINUTE;
    api.override('results', (_request, response) => response.writeHead(500).end(), { times: 1 });
    const reply = await server.ok('get_results', { batch_id });
    expect(reply.totals).toMatchObject({ succeeded: 4, missing: 1 });
    expect(reply.warnings.join(' ')).toMatch(/last look did not succeed/);
    expect(texts(await server.ok('get_results', { batch_id }))).toEqual(allAnswers);
  });
});

describe('a retry of what is missing', () => {
  const short = async () => {
    const batch = await ended();
    batch.api.override('results', without(batch.api, 't002', 't004'), { times: 3 });
    await follow(batch.server, batch.batch_id);
    return batch;
  };

  test('waits until that is certain, and fetches once more before', async () => {
    const { api, server, batch_id, clock } = await short();
    api.override('results', without(api, 't002', 't004'), { times: 1 });
    expect(await server.fails('retry_batch', { batch_id })).toMatch(
      /^wrong_state: Nothing was sent\. .*The answers of 2 tasks .* may still come.* after 2\d\d\d-/,
    );
    expect(fetches(api)).toBe(4);
    clock.ms = 16 * MINUTE;
    api.override('results', without(api, 't002'), { times: 2 });
    const { retry } = await server.ok('retry_batch', { batch_id });
    expect(retry).toMatchObject({ request_count: 1, outcomes: { missing: 1 } });
    expect(sentIds(api, 1)).toEqual(['t002']);
    expect(api.creates).toHaveLength(2);
  });

  eachNth<[name: string, args: object, ms: number]>(3, [
    ['by itself', {}, 0],
    ['by itself, later', {}, 16 * MINUTE],
    ['by name', { task_ids: ['t002', 't004'] }, 0],
    ['by outcome', { outcomes: ['missing'] }, 0],
  ])('sends none that the download has now: %s', async (_name, args, ms) => {
    const { api, server, batch_id, clock } = await short();
    clock.ms = ms;
    expect(await server.fails('retry_batch', { batch_id, ...args })).toMatch(
      /^wrong_state: Nothing was sent/,
    );
    expect(api.creates).toHaveLength(1);
    expect(texts(await server.ok('get_results', { batch_id }))).toEqual(allAnswers);
  });

  test('that names one sends it, if it is still missing', async () => {
    const { api, server, batch_id } = await short();
    api.override('results', without(api, 't002'), { times: 1 });
    await server.ok('retry_batch', { batch_id, outcomes: ['missing'] });
    expect(sentIds(api, 1)).toEqual(['t002']);
  });

  test('fetches once more long after it was certain', async () => {
    const { api, server, batch_id, clock } = await short();
    clock.ms = 16 * MINUTE;
    api.override('results', without(api, 't002', 't004'), { times: 1 });
    await follow(server, batch_id);
    clock.ms = 60 * 24 * MINUTE;
    expect(await server.fails('retry_batch', { batch_id })).toMatch(/All 5 tasks have a finished answer/);
    expect(api.creates).toHaveLength(1);
  });
});

describe('saved results that are gone', () => {
  const names = ['part-0001.results.jsonl', 'part-0001.results.idx'];
  const looks: [string, object][] = [
    ['get_results', {}],
    ['batch_status', {}],
    ['get_results', { output_file: 'out.jsonl' }],
  ];
  const rows: [tool: string, args: object, lost: string[], who: string][] = looks.flatMap(([tool, args]) =>
    [names.slice(0, 1), names].flatMap((lost) =>
      ['the same process', 'another process'].map((who): (typeof rows)[number] => [tool, args, lost, who]),
    ),
  );
  eachNth(5, rows)('%s %j without %j, by %s', async (tool, args, lost, who) => {
    const { api, server, batch_id, folder, files } = await ended();
    expect(texts(await server.ok('get_results', { batch_id }))).toEqual(allAnswers);
    for (const name of lost) await rm(path.join(files, name));
    const looking = who === 'the same process' ? server : await startServer({ api, folder });
    await looking.ok(tool, { batch_id, ...args });
    expect(fetches(api)).toBe(2);
    const reply = await looking.ok('get_results', { batch_id });
    expect(texts(reply)).toEqual(allAnswers);
    expect(reply.warnings).toEqual([]);
    const again = await startServer({ api, folder });
    expect(texts(await again.ok('get_results', { batch_id }))).toEqual(allAnswers);
    expect(fetches(api)).toBe(2);
    if ('output_file' in args) expect(await readdir(looking.work)).toEqual(['out.jsonl']);
  });

  test('are fetched once for several that look at once', async () => {
    const { api, server, batch_id, folder, files } = await ended();
    await server.ok('get_results', { batch_id });
    await rm(path.join(files, 'part-0001.results.jsonl'));
    const others = await Promise.all([1, 2, 3].map(() => startServer({ api, folder })));
    for (const reply of await Promise.all(others.map((other) => other.ok('get_results', { batch_id }))))
      expect(texts(reply)).toEqual(allAnswers);
    expect((await readdir(files)).filter((name) => /results.*jsonl/.test(name))).toEqual([
      'part-0001.results.2.jsonl',
    ]);
  });

  test('cannot be had once the API has dropped them, which is said', async () => {
    const { api, server, batch_id, folder, files } = await ended();
    await server.ok('get_results', { batch_id });
    await rm(path.join(files, 'part-0001.results.jsonl'));
    const late = await startServer({ api, folder, now: () => new Date(Date.now() + 30 * 24 * 60 * MINUTE) });
    expect(await late.fails('get_results', { batch_id })).toMatch(
      /^store_damaged: .*results\.jsonl is missing, and the API kept these results only until .*force_new/,
    );
    expect((await late.ok('batch_status', { batch_id })).processing_status).toBe('ended');
    expect(fetches(api)).toBe(1);
  });
});
