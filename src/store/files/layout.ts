import { createHash, randomUUID } from 'node:crypto';
import { link, rm, statfs, writeFile } from 'node:fs/promises';
import path, { join } from 'node:path';
import { makeFolder } from '../../lib/files/durable-write.ts';
import { checkedId, isBatchId } from '../names.ts';
import { inStore, linkInStore } from './store-failure.ts';

/** Batches being prepared or removed are named by a ULID. */
export const isStagingName = (name: string): boolean => isBatchId(`batch_${name}`);

/** Where the store keeps everything. All paths are absolute, and each id is checked before it becomes a path. */
export type Layout = {
  readonly temporary: string;
  readonly batches: string;
  /** Where the batches are while the store is closed because it is moved to another one. */
  readonly closedBatches: string;
  /** The register of such moves. */
  readonly move: string;
  readonly staging: string;
  /** Batches being removed. */
  readonly trash: string;
  batch(batchId: string): string;
  readonly submissions: string;
  submission(contentHash: string): string;
  claim(providerBatchId: string): string;
  writtenFile(path: string): string;
  budget(day: string): string;
  readonly signingKey: string;
  models(hash: string): string;
  /** Work that was checked and not sent. */
  readonly works: string;
  work(workId: string): string;
  /** Questions to people. */
  readonly questions: string;
  question(questionId: string): string;
  readonly audit: string;
  /** Kept for speed only; can be rebuilt at any time. */
  cache(name: string): string;
};

export function createLayout(data: string): Layout {
  const batches = join(data, 'batches');
  const staging = join(data, 'staging');
  const works = join(data, 'work');
  const questions = join(data, 'questions');
  const submissions = join(data, 'submissions');
  return {
    temporary: join(data, 'tmp'),
    batches,
    closedBatches: join(data, 'closed', 'batches'),
    move: join(data, 'move'),
    staging,
    trash: join(staging, 'trash'),
    batch: (batchId) => join(batches, checkedId('batch', batchId)),
    submissions,
    submission: (contentHash) => join(submissions, checkedId('hash', contentHash)),
    claim: (providerBatchId) => join(data, 'claims', checkedId('providerBatch', providerBatchId)),
    // Hashed, as a path may be too long for a file name.
    writtenFile: (path) => join(data, 'written-files', createHash('sha256').update(path).digest('hex')),
    budget: (day) => join(data, 'budget', checkedId('day', day)),
    signingKey: join(data, 'signing-key'),
    models: (hash) => join(data, 'models', checkedId('hash', hash)),
    works,
    work: (workId) => join(works, checkedId('work', workId)),
    questions,
    question: (questionId) => join(questions, checkedId('question', questionId)),
    audit: join(data, 'audit.jsonl'),
    cache: (name) => join(data, 'cache', `${name}.json`),
  };
}

/** The folder of the record of the batch in `folder`. */
export const recordFolder = (folder: string): string => join(folder, 'record');

/** Checks that a data folder takes files and links. Throws a `store_failed` that says what does not work. */
export async function examineDataFolder(folder: string): Promise<{ freeBytes: number }> {
  const probe = path.join(folder, `probe-${randomUUID()}`);
  try {
    return await inStore('write', folder, async () => {
      await makeFolder(folder);
      await writeFile(probe, '', { mode: 0o600 });
      await linkInStore(folder, () => link(probe, `${probe}-link`));
      const { bavail, bsize } = await statfs(folder);
      return { freeBytes: bavail * bsize };
    });
  } finally {
    // If they can't be removed, they could not be written either, and that has been thrown.
    await Promise.allSettled([rm(probe, { force: true }), rm(`${probe}-link`, { force: true })]);
  }
}
