import { readFile, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { endedBatch, startApi } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth } from '../long.ts';

const requests = ['a', 'b', 'c'].map((task_id) => ({ task_id, prompt: task_id }));

const lineOf: Record<string, (request: ApiRequest) => object> = {
  succeeded: (request) => succeeded(request, `answer ${request.custom_id}`),
  'cut off': (request) => succeeded(request, 'ans', { stop_reason: 'max_tokens' }),
  declined: (request) => succeeded(request, '', { stop_reason: 'refusal' }),
  errored: (request) => errored(request, 'api_error', 'oops'),
  expired: (request) => unfinished(request, 'expired'),
  canceled: (request) => unfinished(request, 'canceled'),
};
/** From the best to the worst. */
const outcomes = Object.keys(lineOf);
const pairs = outcomes.flatMap((one, place) =>
  outcomes.slice(place + 1).flatMap((other): [string, string, string][] => [
    [other, one, one],
    [one, other, one],
  ]),
);
const toldAs: Record<string, string> = { 'cut off': 'incomplete', declined: 'incomplete' };
const why: Record<string, string> = { 'cut off': 'max_tokens', declined: 'refusal', errored: 'api_error' };

describe('of two lines of one request', () => {
  eachNth(7, pairs)('the better counts: %s, then %s', async (first, second, better) => {
    const { server, batch_id } = await endedBatch(requests, (sent) =>
      sent.flatMap((each) =>
        each.custom_id === 'b'
          ? [lineOf[first]?.(each) ?? {}, lineOf[second]?.(each) ?? {}]
          : [succeeded(each, `answer ${each.custom_id}`)],
      ),
    );
    const reply = await server.ok('get_results', { batch_id });
    const outcome = toldAs[better] ?? better;
    expect(reply.results[1]).toMatchObject({ task_id: 'b', outcome });
    expect(reply.totals).toMatchObject(
      better === 'succeeded' ? { total: 3, succeeded: 3 } : { total: 3, succeeded: 2, [outcome]: 1 },
    );
    const digest = reply.error_digest ?? [];
    expect(digest).toHaveLength(better === 'succeeded' ? 0 : 1);
    if (digest[0])
      expect(digest[0]).toMatchObject({ type: why[better] ?? better, count: 1, sample_task_ids: ['b'] });
    expect(reply.warnings.join(' ')).toContain('1 repeated');
    const { output_files } = await server.ok('get_results', { batch_id, output_file: 'all.jsonl' });
    const lines = (await readFile(output_files[0], 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).outcome)).toEqual(['succeeded', outcome, 'succeeded']);
  });

  it('the better counts where tasks share them', async () => {
    const api = await startApi({
      endsAtOnce: true,
      results: (sent) =>
        sent.flatMap((each) => [
          errored(each, 'api_error', 'oops'),
          succeeded(each, rowsIn(each).length === 0 ? 'fine' : packAnswer(each, () => 'fine')),
        ]),
    });
    const server = await startServer({ api });
    const rows = Array.from({ length: 8 }, (_, index) => `q${index},Question ${index}`);
    await writeFile(path.join(server.work, 'rows.csv'), `id,text\n${rows.join('\n')}\n`);
    const work = { rows_file: 'rows.csv', id_column: 'id', prompt: 'What is asked? {{text}}', pack: 4 };
    const { batch_id } = await server.ok('submit_batch', work);
    expect(api.creates[0]?.requests).toHaveLength(2);
    const { totals, error_digest = [] } = await server.ok('get_results', { batch_id });
    expect(totals).toMatchObject({ total: 8, succeeded: 8 });
    expect(error_digest).toEqual([]);
  });

  it('the better counts where they came in two downloads', async () => {
    let ms = 0;
    const now = () => new Date(Date.now() + ms);
    const { api, server, batch_id } = await endedBatch(
      requests,
      (sent) => sent.map((each) => succeeded(each, `answer ${each.custom_id}`)),
      { server: { now } },
    );
    const lines = String(api.batches[0]?.results).trimEnd().split('\n');
    const [a = '', b = '', c = ''] = lines;
    const answer = (given: string[]) => (_request: unknown, response: ServerResponse) =>
      void response.end(given.map((line) => `${line}\n`).join(''));
    api.override('results', answer([a, c]), { times: 3 });
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ succeeded: 2, missing: 1 });
    ms = 10_000;
    const bad = JSON.stringify(errored({ custom_id: 'a', params: {} }, 'api_error', 'oops'));
    api.override('results', answer([bad, b, c]));
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ succeeded: 3 });
  });
});
