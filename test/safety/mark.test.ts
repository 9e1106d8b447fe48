import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiHandler, type ApiServer, reset } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth, eachNthOf, long } from '../long.ts';

const quick = {
  env: { BATCH_MCP_SETTLE_SECONDS: '0.1' },
  limits: { callMs: 3_000, downloadPauseMs: 10 },
};

describe('the mark of a part', () => {
  it('stands in the last request of each body alone, and in no reply or file but the raw one', async () => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
    const long = 'x'.repeat(64);
    const given = ['a', long, 'c', 'no legal id'];
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(given) });
    await follow(server, batch_id);

    const sent = api.bodies.map((body) =>
      JSON.parse(body).requests.map(({ custom_id }: { custom_id: string }) => custom_id),
    );
    expect(sent).toEqual([
      ['a', expect.stringMatching(/^x{38}_mark_[a-zA-Z0-9]{20}$/)],
      ['c', expect.stringMatching(/^task_4_[a-zA-Z0-9]{10}_mark_[a-zA-Z0-9]{20}$/)],
    ]);
    const page = await server.ok('get_results', { batch_id, detail: 'full' });
    expect(page.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(given);
    const formats = ['json', 'jsonl', 'csv', 'md', 'raw.jsonl'];
    const files = formats.map((format) => `out.${format}`);
    for (const output_file of files) await server.ok('get_results', { batch_id, output_file });
    const texts = await Promise.all(files.map((file) => readFile(path.join(server.work, file), 'utf8')));
    expect([JSON.stringify(page), ...texts].map((text) => text.match(/_mark_/g)?.length ?? 0)).toEqual([
      0, 0, 0, 0, 0, 2,
    ]);
  });
});

type Lines = string[];
const whole = (lines: Lines) => lines.map((line) => `${line}\n`).join('');
const garbled = (line = '') => line.replace('"custom_id":"', '"custom_id":"?');
const unreadable = (line = '') => line.replaceAll(',', ';');

/** A batch of ours, taken because it is the only one that can be, whose downloads are changed the first `times`. */
const changes: [name: string, times: number, change: (lines: Lines) => Lines, succeeded: number][] = [
  ['a garbled id', 9, ([a, b = '']) => [garbled(a), b], 1],
  ['an id that was never sent', 9, (lines) => [...lines, '{"custom_id":"y","result":{"type":"expired"}}'], 2],
  ['a mark in a line that is no JSON', 9, ([a = '', b]) => [a, unreadable(b)], 1],
  ['a garbled mark, once', 1, ([a = '', b]) => [a, garbled(b)], 2],
  ['an unreadable line in place of the mark, once', 1, ([a = '']) => [a, '<html>'], 2],
];

/** Resets the next create, when this has happened. `made`: the API has made its batch all the same. */
function resetNextCreate(api: ApiServer, made: boolean, first: () => void = () => {}): void {
  const handler: ApiHandler = (request, response) => {
    first();
    reset(request, response);
  };
  api.override('create', handler, { times: 1, after: made });
}

describe('with its mark', () => {
  eachNth(8, changes)('a batch is ours, whatever else is in its results: %s', async (...row) => {
    const [, times, change, succeeded] = row;
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, ...quick });
    resetNextCreate(api, true);
    const handler: ApiHandler = (_request, response) =>
      response.end(whole(change(String(api.batches[0]?.results).trimEnd().split('\n'))));
    api.override('results', handler, { times });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']) });

    const { outcomes } = await follow(server, batch_id);
    expect(outcomes.succeeded).toBe(succeeded);
    expect(api.creates).toHaveLength(1);
  });
});

describe('without it', () => {
  it("another computer's batch of the very same ids is not ours, and nothing of it is shown", async () => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, ...quick });
    let theirs = '';
    resetNextCreate(api, false, () => {
      theirs = api.make(['a', 'b']);
    });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']) });

    const status = await follow(server, batch_id);
    expect(api.creates).toHaveLength(2);
    expect(status.parts[0].provider_batch_id).not.toBe(theirs);
    expect(status.outcomes.succeeded).toBe(2);
  });

  it('a download that may lack it decides nothing', long, async () => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api, ...quick });
    resetNextCreate(api, true);
    const handler: ApiHandler = (_request, response) =>
      response.end(whole(String(api.batches[0]?.results).split('\n').slice(0, 1)));
    api.override('results', handler, { times: 3 });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']) });

    expect((await follow(server, batch_id)).outcomes.succeeded).toBe(2);
    expect(api.creates).toHaveLength(1);
  });
});

describe('where no line that can be read proves it', () => {
  eachNthOf(2, ['taken', 'sent again'])('a person decides once that has lasted: %s', async (decision) => {
    const api = await startApi({ endsAtOnce: true });
    let minutes = 0;
    const server = await startServer({ api, ...quick, now: () => new Date(Date.now() + minutes * 60_000) });
    resetNextCreate(api, true);
    const handler: ApiHandler = (request, response, pass) => {
      const [first] = api.batches;
      if (!request.url?.includes(first?.id ?? '')) return pass();
      response.end(`${String(first?.results).split('\n')[0]}\n<html>\n`);
    };
    api.override('results', handler);
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a', 'b']) });
    await follow(server, batch_id, ({ warnings }) =>
      /could not be downloaded whole/.test(warnings.join(' ')),
    );
    minutes = 16;
    const asked = await follow(
      server,
      batch_id,
      ({ processing_status, progress }) => processing_status === 'unconfirmed' && !progress,
    );
    expect(asked.warnings.join(' ')).toContain(`It could be ${api.batches[0]?.id}`);
    const later = await follow(server, batch_id, ({ progress }) => !progress);
    expect(later).toMatchObject({ processing_status: 'unconfirmed' });

    const resolve = decision === 'taken' ? api.batches[0]?.id : 'send_again';
    await server.ok('retry_batch', { batch_id, resolve });
    const status = await follow(server, batch_id, ({ results_state }) => results_state === 'saved');
    expect(status.outcomes).toMatchObject(
      decision === 'taken' ? { succeeded: 1, missing: 1 } : { succeeded: 2, missing: 0 },
    );
    expect(api.creates).toHaveLength(decision === 'taken' ? 1 : 2);
  });
});
