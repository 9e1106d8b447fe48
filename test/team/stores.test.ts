import path from 'node:path';
import { onTestFinished } from 'vitest';
import { storeAddress } from '../../src/config/store-address.ts';
import type { BlobsAddress } from '../../src/store/objects/open-objects.ts';
import { describeStore } from '../store/contract.ts';
import { folderObjects, optionsFor } from '../store/objects/open-tested.ts';
import { startS3 } from '../store/s3/s3-server.ts';
import { createStore } from './open-store.ts';
import { postgresForTests } from './postgres-server.ts';

const server = postgresForTests();

const kindsOfBlobs: Readonly<Record<string, () => Promise<BlobsAddress | undefined>>> = {
  'rows of its own': async () => undefined,
  'a bucket': async () => ({ kind: 's3', ...optionsFor(await startS3()) }),
  'a shared folder': async () => {
    const { root } = await folderObjects();
    return { kind: 'folder', path: root, place: `file://${root}` };
  },
};

for (const [kind, place] of Object.entries(kindsOfBlobs)) {
  describeStore(`postgres with ${kind}`, async () => {
    const address = storeAddress.schema.parse(await server.newDatabase());
    const blobs = await place();
    const settings = { ...address, ...(blobs && { blobs }) };
    return {
      open: () => {
        const store = createStore({ ...settings, log: () => {} });
        onTestFinished(() => store.close());
        return store;
      },
      elsewhere: { module: path.resolve(import.meta.dirname, 'open-store.ts'), settings },
    };
  });
}
