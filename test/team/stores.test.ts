import path from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { storeAddress } from '../../src/config/store-address.ts';
import { describeBatches } from '../store/contract/batches.ts';
import { describeBlobs } from '../store/contract/blobs.ts';
import { describeStore } from '../store/contract.ts';
import { kindsOfObjects } from '../store/objects/open-tested.ts';
import { createStore } from './open-store.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

const { 'a bucket': bucket, 'a shared folder': folder } = kindsOfObjects;

describe.each(Object.entries({ bucket, folder }))('postgres with %s', (_kind, openObjects) => {
  describe('blobs', () => {
    const driver = async () => {
      const settings = storeAddress.schema.parse(await server.newDatabase());
      const objects = (await openObjects?.()) ?? null;
      const open = () => {
        const store = createStore({ ...settings, objects, log: () => {} });
        onTestFinished(() => store.close());
        return store;
      };
      return { open };
    };
    describeBlobs(driver);
    describeBatches(driver);
  });
});

describeStore('postgres', async () => {
  const settings = storeAddress.schema.parse(await server.newDatabase());
  return {
    open: () => {
      const store = createStore({ ...settings, log: () => {} });
      onTestFinished(() => store.close());
      return store;
    },
    elsewhere: {
      module: path.resolve(import.meta.dirname, 'open-store.ts'),
      settings,
    },
  };
});
