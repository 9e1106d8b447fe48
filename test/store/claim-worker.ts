import { createStore } from '../../src/store/files/create-store.ts';

/** Claims `msgbatch_0` and on, all at once, for its part; prints which part holds each. Started by tests. */
const [path = '', batchId = '', part = '', count = ''] = process.argv.slice(2);
const store = createStore({ path, log: () => {} });
const owner = { batch_id: batchId, part: Number(part) };
const claims = await Promise.all(
  Array.from({ length: Number(count) }, (_, i) =>
    store.claim(`msgbatch_${i}`).update((held) => held ?? { owner, tentative: false }),
  ),
);
process.stdout.write(`${claims.map((claim) => claim?.owner?.part).join(' ')}\n`);
