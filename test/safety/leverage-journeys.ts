import { toTheEnd } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, errored, succeeded } from '../api-server.ts';
import {
  answerOf,
  fileOf,
  four,
  type Journey,
  primed,
  prompts,
  rowsWork,
  submit,
  withContract,
  withRows,
} from './journey-steps.ts';

/** A pack leaves its second row out, until that is sent alone. */
function withoutSecond(request: ApiRequest): object {
  if (rowsIn(request).length < 2) return answerOf(request);
  const text = packAnswer(request, (row, index) => (index === 1 ? undefined : `answer ${row.text}`));
  return succeeded(request, text);
}

const variants = { A: { system: 'Be brief.' }, B: { system: 'Be long.' } };
/** The second variant is refused at first. */
const busyVariant = (request: ApiRequest, times: number) =>
  request.params.system === 'Be long.' && times === 0
    ? errored(request, 'overloaded_error', 'busy')
    : answerOf(request);

const busySecond = (request: ApiRequest, times: number) =>
  request.custom_id === 'q2' && times === 0
    ? errored(request, 'overloaded_error', 'busy')
    : answerOf(request);

/** Jobs of many rows in a request, of answers that become work, and of what is paid in steps. */
export const leverageJourneys: readonly Journey[] = [
  {
    name: 'packs that leave rows out',
    setUp: withRows,
    results: withoutSecond,
    run: async (client, ground) => {
      const seen = await submit(client, ground, { ...rowsWork, pack: 3 });
      const { batch_id } = seen;
      if (seen.outcomes.succeeded < 5) await client.ok('retry_batch', { batch_id });
      await toTheEnd(client, ground.api, batch_id);
      await fileOf(client, ground, batch_id, 'all.csv');
    },
  },
  {
    name: 'packs that retry by themselves',
    setUp: withRows,
    results: withoutSecond,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, pack: 3, retries: 2, output_file: 'packs.csv' });
    },
  },
  {
    name: 'variants, one retried',
    setUp: withRows,
    results: busyVariant,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, variants, retries: 1, output_file: 'both.csv' });
    },
  },
  {
    name: 'a pilot, then the whole',
    setUp: withRows,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, max_tasks: 2 });
      await submit(client, ground, rowsWork);
    },
  },
  {
    name: 'a pilot in packs, then the whole',
    setUp: withRows,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, pack: 2, max_tasks: 2 });
      await submit(client, ground, { ...rowsWork, pack: 2 });
    },
  },
  {
    name: 'a first request that fills the cache',
    setUp: withContract,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, ...primed, retries: 1, output_file: 'primed.csv' });
    },
    results: busySecond,
  },
  {
    name: 'a pilot, then the rest behind one that fills the cache',
    setUp: withContract,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, ...primed, max_tasks: 3 });
      await submit(client, ground, { ...rowsWork, ...primed });
    },
  },
  {
    name: 'a chain of packs and variants',
    setUp: withRows,
    run: async (client, ground) => {
      const first = await client.ok('submit_batch', { ...rowsWork, pack: 2 });
      const work = { from_batch: first.batch_id, prompt: 'Check: {{text}}', pack: 2 };
      const second = await client.ok('submit_batch', work);
      const last = { from_batch: second.batch_id, prompt: 'Rate: {{text}}', variants };
      const third = await client.ok('submit_batch', last);
      for (const { batch_id } of [first, second, third]) await toTheEnd(client, ground.api, batch_id);
    },
  },
  {
    name: 'a merge of what was asked before',
    run: async (client, ground) => {
      const { batch_id } = await client.ok('submit_batch', four);
      const work = { from_batch: batch_id, prompt: 'Sum up: {{items}}', merge: 2 };
      const second = await client.ok('submit_batch', work);
      await toTheEnd(client, ground.api, batch_id);
      await toTheEnd(client, ground.api, second.batch_id);
    },
  },
  {
    name: 'a merge whose stage is retried',
    setUp: withRows,
    results: (request, times) =>
      request.custom_id === 'merge_1_2' && times === 0
        ? errored(request, 'overloaded_error', 'busy')
        : answerOf(request),
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, merge: 2, retries: 1 });
    },
  },
  {
    name: 'corrected and sent again',
    results: (request, times) =>
      request.custom_id === 'b' && times === 0
        ? errored(request, 'invalid_request_error', 'too long')
        : answerOf(request),
    run: async (client, ground) => {
      const seen = await submit(client, ground, four);
      const { batch_id } = seen;
      if (seen.outcomes.errored > 0)
        await client.ok('retry_batch', { batch_id, requests: prompts(['b']), max_tokens: 50 });
      await toTheEnd(client, ground.api, batch_id);
    },
  },
];
