import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { allPages, follow, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import type { Reply, TestServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

/** As large batches are, at a small size: what matters is that nothing depends on it. */
const COUNT = 600;
const PARTS = { partRequests: 160 };

const idOf = (i: number) => `task ${i}`;
const ordinalOf = (request: ApiRequest) => Number(/number (\d+)/.exec(JSON.stringify(request.params))?.[1]);

/** One in a hundred of each fault, and no order. */
function lineOf(request: ApiRequest): object {
  const i = ordinalOf(request);
  switch (i % 100) {
    case 7:
      return errored(request, 'api_error', `Fault ${i}`);
    case 17:
      return unfinished(request, 'expired');
    case 27:
      return succeeded(request, `cut ${i}`, { stop_reason: 'max_tokens' });
    default:
      return succeeded(request, `answer ${i}: "quoted" and \\ and [{ in it }]`);
  }
}
const shuffledLines = (requests: ApiRequest[]) =>
  requests
    .map(lineOf)
    .sort((a, b) => ((JSON.stringify(a).length * 31) % 7) - ((JSON.stringify(b).length * 31) % 7));

async function writeTasks(server: TestServer, ending: 'jsonl' | 'json'): Promise<string> {
  const tasks = Array.from({ length: COUNT }, (_, i) => ({ task_id: idOf(i), prompt: `Task number ${i}.` }));
  const text =
    ending === 'json' ? JSON.stringify(tasks) : tasks.map((task) => JSON.stringify(task)).join('\n');
  await writeFile(path.join(server.work, `tasks.${ending}`), text);
  return `tasks.${ending}`;
}

eachNthOf(2, ['jsonl', 'json'] as const)(
  'many tasks of a .%s file, in parts, with faults of each kind and a body cut once',
  async (ending) => {
    const api = await startApi({ endsAtOnce: true, results: shuffledLines });
    const server = await startCheckedServer({ api, limits: PARTS });
    const requests_file = await writeTasks(server, ending);
    const { batch_id, part_count } = await server.ok('submit_batch', { requests_file, model_tier: 'cheap' });
    expect(part_count).toBe(4);
    api.override(
      'results',
      (_request, response) => response.end(api.batches[0]?.results.subarray(0, 20_000)),
      { times: 1 },
    );
    await follow(server, batch_id);

    const each = COUNT / 100;
    const { totals, error_digest } = await server.ok('get_results', { batch_id });
    expect(totals).toMatchObject({
      total: COUNT,
      succeeded: COUNT - 3 * each,
      errored: each,
      expired: each,
      incomplete: each,
      missing: 0,
    });
    const causes = error_digest.map(({ type, count }: Reply) => [type, count]);
    expect(Object.fromEntries(causes)).toEqual({ api_error: each, expired: each, max_tokens: each });

    const read = await allPages(server, { batch_id, detail: 'concise' });
    expect(read.map(({ task_id }) => task_id)).toEqual(Array.from({ length: COUNT }, (_, i) => idOf(i)));
    expect(read[0]?.text).toBe('answer 0: "quoted" and \\ and [{ in it }]');
    const failed = await allPages(server, { batch_id, outcomes: ['failed'] });
    expect(failed.map(({ task_id }) => task_id)).toEqual(
      Array.from({ length: COUNT }, (_, i) => i)
        .filter((i) => [7, 17, 27].includes(i % 100))
        .map(idOf),
    );

    await server.ok('get_results', { batch_id, output_file: 'out.jsonl' });
    const lines = (await readFile(path.join(server.work, 'out.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).task_id)).toEqual(read.map(({ task_id }) => task_id));
  },
);

test('what a batch takes on disk is in proportion to what it holds', long, async () => {
  const api = await startApi({ endsAtOnce: true });
  const server = await startCheckedServer({ api });
  const { batch_id } = await server.ok('submit_batch', {
    requests_file: await writeTasks(server, 'jsonl'),
    model_tier: 'cheap',
  });
  await follow(server, batch_id);
  const file = (name: string) => stat(path.join(server.data, 'batches', batch_id, name));
  expect((await file('part-0001.results.idx')).size / COUNT).toBeLessThan(20);
  expect((await file('tasks.idx')).size / COUNT).toBeLessThan(30);
});
