import path from 'node:path';
import { createStore } from '../../src/store/files/create-store.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { describeStore } from './contract.ts';
import { createMemoryStore } from './memory-store.ts';

describeStore('files', async () => {
  const settings = { path: path.join(await temporaryFolder(), 'data') };
  return {
    open: () => createStore({ ...settings, log: () => {} }),
    elsewhere: {
      module: path.resolve(import.meta.dirname, '../../src/store/files/create-store.ts'),
      settings,
    },
  };
});

describeStore('memory', async () => {
  const store = createMemoryStore();
  return { open: () => store };
});
