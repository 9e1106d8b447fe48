import { existsSync } from 'node:fs';
import path from 'node:path';
import { follow, toTheEnd } from '../api.ts';
import { type ApiRequest, errored, reset } from '../api-server.ts';
import type { Reply, TestClient } from '../harness.ts';
import {
  answerOf,
  fileOf,
  four,
  type Ground,
  type Journey,
  rowsWork,
  type SetUp,
  submit,
  withRows,
} from './journey-steps.ts';
import { leverageJourneys } from './leverage-journeys.ts';

const firstTime = (request: ApiRequest, times: number) =>
  ['b', 'c'].includes(request.custom_id) && times === 0
    ? errored(request, 'overloaded_error', 'busy')
    : answerOf(request);

/** What was only taken for ours is canceled once a person has said that it is. */
async function cancel(client: TestClient, { batch_id, parts }: Reply): Promise<void> {
  // One part at a time.
  for (const _part of parts) {
    const { isError, text } = await client.call('cancel_batch', { batch_id });
    if (!isError) return;
    const [, resolve] = /only its results will prove that.*resolve: "(\w+)"/.exec(text) ?? [];
    if (resolve === undefined) throw new Error(text);
    // A look can have settled it meanwhile.
    await client.call('retry_batch', { batch_id, resolve });
  }
  await client.ok('cancel_batch', { batch_id });
}

/** An agent's word on what several batches could be, who looks at the console. */
async function resolved(client: TestClient, ground: Ground, work: object) {
  const { batch_id } = await client.ok('submit_batch', work);
  const seen = await follow(
    client,
    batch_id,
    ({ processing_status, progress }) => !progress && processing_status !== 'submitting',
  );
  if (seen.processing_status === 'unconfirmed') {
    const ours = ground.api.batches.find(({ mark }) => mark !== null);
    await client.call('retry_batch', { batch_id, resolve: ours?.id ?? 'send_again' });
  }
  await toTheEnd(client, ground.api, batch_id);
}

/** At the first create another program makes a batch of as many requests, and the answer is lost. */
const rival =
  (made: boolean): SetUp =>
  ({ api }) => {
    api.make(['w', 'x', 'y']);
    api.override(
      'create',
      (request, response) => {
        api.make(['x', 'y']);
        reset(request, response);
      },
      { times: 1, after: made },
    );
  };

const lost =
  (made: boolean): SetUp =>
  ({ api }) =>
    api.override('create', reset, { times: 1, after: made });

/** Each line is one time that the owner was told. */
const toldIn = ({ work }: Ground) => path.join(work, 'told');

/** Waits until the owner was told of a batch's end, however often. */
async function untilTold(client: TestClient, ground: Ground, batchId: string): Promise<void> {
  await follow(client, batchId, () => existsSync(toldIn(ground)));
}

export const journeys: readonly [Journey, ...Journey[]] = [
  {
    name: 'submit',
    run: async (client, ground) => {
      await submit(client, ground, { ...four, output_file: 'out.jsonl' });
    },
  },
  {
    name: 'made, answer lost',
    setUp: lost(true),
    run: async (c, ground) => void (await submit(c, ground, four)),
  },
  {
    name: 'lost on the way',
    setUp: lost(false),
    run: async (c, ground) => void (await submit(c, ground, four)),
  },
  { name: 'rivals, made', setUp: rival(true), run: (c, ground) => resolved(c, ground, four) },
  { name: 'rivals, lost', setUp: rival(false), run: (c, ground) => resolved(c, ground, four) },
  {
    name: 'retry',
    results: firstTime,
    run: async (client, ground) => {
      const seen = await submit(client, ground, four);
      const { batch_id } = seen;
      if (seen.outcomes.errored > 0) await client.ok('retry_batch', { batch_id });
      await toTheEnd(client, ground.api, batch_id);
      await fileOf(client, ground, batch_id, 'all.csv');
    },
  },
  {
    name: 'retries by itself',
    results: firstTime,
    run: async (client, ground) => void (await submit(client, ground, { ...four, retries: 1 })),
  },
  {
    name: 'cancel',
    // What was canceled may be submitted again: of two at once the later one, which saw no batch when it began, does.
    isTwiceForTwo: true,
    run: async (client, ground) => {
      const { batches } = await client.ok('list_batches');
      const known = batches[0]?.batch_id ?? (await client.ok('submit_batch', four)).batch_id;
      const seen = await follow(client, known, ({ processing_status }) => processing_status !== 'submitting');
      if (seen.processing_status === 'in_progress') await cancel(client, seen);
      if (seen.processing_status === 'not_sent') await client.ok('retry_batch', { batch_id: known });
      await toTheEnd(client, ground.api, known);
    },
  },
  {
    name: 'adopt',
    setUp: ({ api }) => void api.make(['row-1', 'row-2', 'row-10']),
    run: async (client, ground) => {
      const made = ground.api.batches[0]?.id ?? '';
      const { batch_id } = await toTheEnd(client, ground.api, made);
      await fileOf(client, ground, batch_id, 'adopted.jsonl');
    },
  },
  {
    name: 'chain',
    run: async (client, ground) => {
      const { batch_id } = await client.ok('submit_batch', four);
      const work = { from_batch: batch_id, prompt: 'Check: {{text}}', output_file: 'second.jsonl' };
      const second = await client.ok('submit_batch', work);
      await toTheEnd(client, ground.api, batch_id);
      await toTheEnd(client, ground.api, second.batch_id);
    },
  },
  {
    name: 'merge',
    setUp: withRows,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, merge: 2, output_file: 'merged.md' });
    },
  },
  {
    name: 'packs',
    setUp: withRows,
    run: async (client, ground) => {
      await submit(client, ground, { ...rowsWork, pack: 2, output_file: 'packs.csv' });
    },
  },
  {
    name: 'variants in packs',
    setUp: withRows,
    run: async (client, ground) => {
      const variants = { A: { system: 'Be brief.' }, B: { system: 'Be long.' } };
      await submit(client, ground, { ...rowsWork, variants, pack: 2, output_file: 'variants.csv' });
    },
  },
  {
    name: 'estimate, then submit, in files',
    setUp: withRows,
    run: async (client, ground) => {
      const { work_id, warnings } = await client.ok('estimate_cost', rowsWork);
      if (work_id === undefined) throw new Error(warnings.join(' '));
      await submit(client, ground, { work_id, output_pattern: '{{id}}.md' });
    },
  },
  {
    name: 'told by a command',
    env: (ground) => ({
      BATCH_MCP_NOTIFY: JSON.stringify(['sh', '-c', 'echo told >> "$0"', toldIn(ground)]),
    }),
    run: async (client, ground) => {
      const { batch_id } = await submit(client, ground, { ...four, output_file: 'out.jsonl' });
      await untilTold(client, ground, batch_id);
    },
  },
  {
    name: 'told at an address',
    // What is told there is kept by the stand-in, which knows no such route.
    env: ({ api }) => ({ BATCH_MCP_NOTIFY: `${api.url}/told` }),
    run: async (client, ground) => {
      const { batch_id } = await submit(client, ground, { ...four, retries: 1 });
      const isTold = () => ground.api.requests.some((request) => request.path === '/told');
      await follow(client, batch_id, isTold);
    },
  },
  {
    name: 'twice on purpose',
    isTwiceForTwo: true,
    run: async (client, ground) => {
      await submit(client, ground, four);
      const { batches } = await client.ok('list_batches');
      const second =
        batches.length > 1 ? batches[0] : await client.ok('submit_batch', { ...four, force_new: true });
      await toTheEnd(client, ground.api, second.batch_id);
    },
  },
  ...leverageJourneys,
];
