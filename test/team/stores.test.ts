import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createStore, readStoreAddress } from '../../src/store/postgres/open-store.ts';
import { describeStore } from '../store/contract.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

describeStore('postgres', async () => {
  const settings = readStoreAddress(await server.newDatabase());
  if (settings === null) throw new Error('no address');
  return {
    open: () => {
      const store = createStore({ ...settings, log: () => {} });
      onTestFinished(() => store.close());
      return store;
    },
    elsewhere: {
      module: path.resolve(import.meta.dirname, '../../src/store/postgres/open-store.ts'),
      settings,
    },
  };
});
