import { createStore } from '../../../src/store/files/create-store.ts';

/** Stages a batch, prints the staging folder's name, and hangs until it is killed. Started by tests. */
const store = createStore({ path: process.argv[2] ?? '', log: () => {} });
const staging = await store.stage();
process.stdout.write(`${staging.batchId.replace('batch_', '')}\n`);
setInterval(() => {}, 1_000);
