import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { BatchError } from '../../errors.ts';
import type { BatchFolder } from '../store.ts';

const ULID = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const BATCH_ID = new RegExp(`^batch_${ULID}$`);
const STAGING_NAME = new RegExp(`^${ULID}$`);
/** An id that a provider gave: what is harmless in a file's name, and no longer than one may be. */
const GIVEN_ID = /^[a-zA-Z0-9_-]{1,130}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const CONTENT_HASH = /^[0-9a-f]{64}$/;

export const isBatchId = (id: string): boolean => BATCH_ID.test(id);
export const isStagingName = (name: string): boolean => STAGING_NAME.test(name);

/** Where the store keeps what. All paths are absolute. Each id is checked before it becomes a path. */
export type Layout = {
  readonly temporary: string;
  readonly batches: string;
  readonly staging: string;
  /** Removed batches on their way out. */
  readonly trash: string;
  batch(batchId: string): string;
  submission(contentHash: string): string;
  claim(providerBatchId: string): string;
  writtenFile(path: string): string;
  budget(day: string): string;
  models(hash: string): string;
  /** What can be made again at any time, and is kept for speed. */
  cache(name: string): string;
};

function invalid(what: string, valid: string): BatchError {
  return new BatchError('invalid_input', `This is not ${what}. Valid: ${valid}.`);
}

export function createLayout(data: string): Layout {
  const batches = join(data, 'batches');
  const staging = join(data, 'staging');
  return {
    temporary: join(data, 'tmp'),
    batches,
    staging,
    trash: join(staging, 'trash'),
    batch(batchId) {
      if (!isBatchId(batchId)) {
        throw invalid('a batch_id', 'batch_ and 26 digits and capital letters, as list_batches gives them');
      }
      return join(batches, batchId);
    },
    submission(contentHash) {
      if (!CONTENT_HASH.test(contentHash)) throw invalid('a content hash', '64 hexadecimal digits');
      return join(data, 'submissions', contentHash);
    },
    claim(providerBatchId) {
      if (!GIVEN_ID.test(providerBatchId)) {
        throw invalid("a provider's batch id", 'at most 130 letters, digits, _ or -');
      }
      return join(data, 'claims', providerBatchId);
    },
    // Hashed, for a path may be longer than a file name can be.
    writtenFile: (path) => join(data, 'written-files', createHash('sha256').update(path).digest('hex')),
    cache: (name) => join(data, 'cache', `${name}.json`),
    budget(day) {
      if (!DAY.test(day)) throw invalid('a day', 'one as 2026-11-22');
      return join(data, 'budget', day);
    },
    models(hash) {
      if (!CONTENT_HASH.test(hash)) throw invalid('a hash', '64 hexadecimal digits');
      return join(data, 'models', hash);
    },
  };
}

/** Where the record of the batch in `folder` is. */
export const recordFolder = (folder: string): string => join(folder, 'record');

export function batchFolder(path: string): BatchFolder {
  const part = (number: number, ending: string) =>
    join(path, `part-${String(number).padStart(4, '0')}.${ending}`);
  return {
    path,
    tasks: join(path, 'tasks.jsonl'),
    tasksIndex: join(path, 'tasks.idx'),
    partBody: (number) => part(number, 'requests.json'),
    partTasks: (number) => part(number, 'tasks.jsonl'),
    partResults: (number) => part(number, 'results.jsonl'),
    partResultsIndex: (number) => part(number, 'results.idx'),
    answer: (ordinal) => join(path, 'answers', `${String(ordinal).padStart(6, '0')}.txt`),
  };
}
