import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BatchRecord } from '../../src/store/record.ts';
import type { Store } from '../../src/store/store.ts';
import { follow, sentIds, startApi, toTheEnd } from '../api.ts';
import { type ApiRequest, type ApiServer, succeeded } from '../api-server.ts';
import { type Reply, startServer, temporaryFolder } from '../harness.ts';
import { eachNth, long } from '../long.ts';

/** A store that reads a record as it was when it was frozen, as a look does that was held up; what it writes is current. */
function freezer() {
  const frozen = new Map<string, BatchRecord | null>();
  let real: Store | undefined;
  return {
    store: (store: Store): Store => {
      real = store;
      return {
        ...store,
        record: (id) => {
          const register = store.record(id);
          return { ...register, read: async () => frozen.get(id) ?? register.read() };
        },
      };
    },
    freeze: async (id: string) => void frozen.set(id, (await real?.record(id).read()) ?? null),
    thaw: () => frozen.clear(),
  };
}

const answer = (request: ApiRequest) => {
  const items = [...JSON.stringify(request.params).matchAll(/<item id=[^>]*>\\n(.*?)\\n<\/item>/g)];
  return succeeded(request, items.map(([, text]) => text).join('+') || request.custom_id);
};

const chained = [
  ['a', 'b', 'c', 'd', 'e'],
  ['merge_1_1', 'merge_1_2', 'merge_1_3'],
  ['merge_2_1', 'merge_2_2'],
  ['merge_3_1'],
];

/** A merge of the answers of a batch, before two processes, of which one is held up; `steps` stages have been sent. */
async function merging() {
  const api = await startApi({ results: (all) => all.map(answer) });
  const folder = await temporaryFolder();
  const ice = freezer();
  const server = await startServer({ api, folder });
  const late = await startServer({ api, folder, store: ice.store });
  await writeFile(path.join(server.work, 't.csv'), 'id,text\na,1\nb,2\nc,3\nd,4\ne,5\n');
  const rows = { rows_file: 't.csv', id_column: 'id', prompt: '{{text}}' };
  const { batch_id: first } = await server.ok('submit_batch', rows);
  const work = { from_batch: first, prompt: 'Sum up: {{items}}', merge: 2 };
  const { batch_id } = await server.ok('submit_batch', work);
  return { api, folder, server, late, ice, first, batch_id };
}

const isSent = (api: ApiServer, batches: number) => (status: Reply) =>
  api.batches.length === batches && status.processing_status === 'in_progress' && !status.progress;

describe('a look that was held up while another process went on', () => {
  eachNth(2, [
    ['made the tasks of what waited', 1],
    ['made the second stage', 2],
  ])('changes nothing where that %s', async (_name, sent) => {
    const { api, folder, server, late, ice, batch_id } = await merging();
    for (let batches = 2; batches <= sent; batches += 1) {
      api.endAll();
      await follow(server, batch_id, isSent(api, batches));
    }
    api.endAll();
    // It fetches what has ended, and makes nothing of it.
    const reader = await startServer({ api, folder, argv: ['--read-only'] });
    await follow(
      reader,
      batch_id,
      ({ parts }) => parts.length === 1 || parts[sent - 2].processing_status === 'ended',
    );
    await reader.close();
    await ice.freeze(batch_id);
    await follow(server, batch_id, isSent(api, sent + 1));
    await late.call('batch_status', { batch_id });
    await late.close();
    expect((await toTheEnd(server, api, batch_id)).processing_status).toBe('ended');
    expect(sentIds(api)).toEqual(chained);
    const { results } = await server.ok('get_results', { batch_id });
    expect(results).toMatchObject([{ task_id: 'merge_3_1', text: 'a+b+c+d+e' }]);
  });
});

it(
  'a merge that was sent goes on, though what its answers came from is sent again and canceled',
  long,
  async () => {
    const { api, server, first, batch_id } = await merging();
    api.endAll();
    await follow(server, batch_id, isSent(api, 2));
    await server.ok('retry_batch', { batch_id: first, task_ids: ['b'], replace: true });
    await server.ok('cancel_batch', { batch_id: first });
    expect((await toTheEnd(server, api, batch_id)).processing_status).toBe('ended');
    expect(sentIds(api).toSpliced(2, 1)).toEqual(chained);
  },
);
