import { describe } from 'vitest';
import { describeBlobs } from '../contract/blobs.ts';
import { createMemoryStore } from '../memory-store.ts';
import { kindsOfObjects } from './open-tested.ts';

describe.each(Object.entries(kindsOfObjects))('blobs in %s', (_kind, open) => {
  describeBlobs(async () => {
    const store = createMemoryStore(await open());
    return { open: () => store };
  }, ['of a batch']);
});
