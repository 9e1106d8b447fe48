import path from 'node:path';
import { onTestFinished } from 'vitest';
import { storeAddress } from '../../src/config/store-address.ts';
import { describeStore } from '../store/contract.ts';
import { createStore } from './open-store.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

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
