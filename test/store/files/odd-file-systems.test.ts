import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOutput } from '../../../src/lib/files/atomic-output.ts';
import { writeFileDurably } from '../../../src/lib/files/durable-write.ts';
import { createStore } from '../../../src/store/files/create-store.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { commitBatch } from '../contract/batches.ts';
import { contentOf, piecesOf } from '../contract/pieces.ts';

/** Lets every sync of a folder fail with a code, as some file systems do; those of files go on. */
async function failFolderSyncs(code: string): Promise<void> {
  const handle = await open(import.meta.filename);
  const prototype: Pick<FileHandle, 'sync'> = Object.getPrototypeOf(handle);
  await handle.close();
  const { sync } = prototype;
  prototype.sync = async function (this: FileHandle) {
    if (!(await this.stat()).isDirectory()) return sync.call(this);
    throw Object.assign(new Error(`${code}: fsync`), { code, syscall: 'fsync' });
  };
  onTestFinished(() => {
    prototype.sync = sync;
  });
}

const openStore = async () =>
  createStore({ path: path.join(await temporaryFolder(), 'data'), log: () => {} });

describe('a file system that does not sync folders', () => {
  it.each(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EBADF'])(
    'holds the store and its blobs all the same: %s',
    async (code) => {
      await failFolderSyncs(code);
      const store = await openStore();
      const batchId = await commitBatch(store);
      const blobs = store.blobs(batchId);
      expect(await blobs.write('late', piecesOf('x'))).toBe(1);
      await store
        .claim('msgbatch_1')
        .update(() => ({ owner: { batch_id: batchId, part: 1 }, tentative: false }));
      expect(await store.batchIds()).toEqual([batchId]);
      expect(await contentOf(blobs.read('late'))).toBe('x');
      await blobs.remove('late');
      await store.removeBatch(batchId);
      expect(await store.batchIds()).toEqual([]);
    },
  );

  it.each(['EINVAL', 'EPERM', 'ENOTSUP'])('takes the files that callers ask for: %s', async (code) => {
    await failFolderSyncs(code);
    const file = path.join(await temporaryFolder(), 'out.jsonl');
    for (const [text, replace] of [
      ['one', false],
      ['two', true],
    ] as const) {
      const output = await createOutput(file, { replace });
      await output.write(text);
      await output.commit();
      expect(await readFile(file, 'utf8')).toBe(text);
    }
    await writeFileDurably(file, 'three');
    expect(await readFile(file, 'utf8')).toBe('three');
  });
});

describe('a disk that fails', () => {
  it.each([
    ['EIO', /EIO/],
    ['ENOSPC', /disk is full/],
    ['EROFS', /read-only/],
    ['EDQUOT', /quota is used up/],
    ['EFBIG', /larger than the file system/],
  ])('is told as what it is, and not as one without links: %s', async (code, words) => {
    await failFolderSyncs(code);
    const failure: unknown = await commitBatch(await openStore()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'store_failed', message: expect.stringMatching(words) });
    expect(String(failure)).not.toMatch(/hard links/);
  });
});
