import { BatchError } from '../errors.ts';

const ULID = '[0-7][0-9A-HJKMNP-TV-Z]{25}';

type Kind = { pattern: RegExp; what: string; valid: string };

/** The kinds of names in the store. Each name is checked before it is used. */
const kinds = {
  batch: {
    pattern: new RegExp(`^batch_${ULID}$`),
    what: 'a batch_id',
    valid: 'batch_ and 26 digits and capital letters, as list_batches gives them',
  },
  providerBatch: {
    pattern: /^[a-zA-Z0-9_-]{1,130}$/,
    what: "a provider's batch id",
    valid: '1 to 130 letters, digits, _ or -',
  },
  hash: { pattern: /^[0-9a-f]{64}$/, what: 'a hash', valid: '64 hexadecimal digits' },
  work: {
    pattern: /^work_[0-9a-f]{32}$/,
    what: 'a work_id',
    valid: 'work_ and 32 digits, as estimate_cost gives them',
  },
  question: {
    pattern: /^question_[0-9a-f]{32}$/,
    what: 'a question',
    valid: 'question_ and 32 digits',
  },
  day: { pattern: /^\d{4}-\d{2}-\d{2}$/, what: 'a day', valid: 'a date like 2026-11-22' },
  blob: {
    pattern: /^[a-z0-9][a-z0-9-]*(\.[a-z0-9]+)*$/,
    what: 'the name of a blob',
    valid: 'lower-case letters, digits, - and single dots',
  },
} satisfies Record<string, Kind>;

export const isBlobName = (name: string): boolean => kinds.blob.pattern.test(name);
export const isBatchId = (id: string): boolean => kinds.batch.pattern.test(id);
export const isHash = (name: string): boolean => kinds.hash.pattern.test(name);

/** Returns the id, or throws `invalid_input` if it is not one of its kind. */
export function checkedId(kind: keyof typeof kinds, id: string): string {
  const { pattern, what, valid } = kinds[kind];
  if (pattern.test(id)) return id;
  throw new BatchError('invalid_input', `This is not ${what}. Valid: ${valid}.`);
}

/** The names of a batch's blobs. In a data folder these are file names: they never change. */

/** The tasks, one per line, in the caller's order. */
export const TASKS = 'tasks.jsonl';
/** Where these lines are, and their requests in the parts' bodies. */
export const TASKS_INDEX = 'tasks.idx';

/** Work that waits for the answers it needs, as JSON without those answers. */
export const WAITING_WORK = 'waiting-work.json';

/** The schemas for checking answers of the first attempt, one per line. */
export const SCHEMAS = 'schemas.jsonl';

const ofPart = (part: number, ending: string) => `part-${String(part).padStart(4, '0')}.${ending}`;

/** The body exactly as it is sent. */
export const partBody = (part: number): string => ofPart(part, 'requests.json');
/** The tasks of a part that lists them. */
export const partTasks = (part: number): string => ofPart(part, 'tasks.jsonl');
/** The schemas for checking answers, for a part that lists its tasks. */
export const partSchemas = (part: number): string => ofPart(part, 'schemas.jsonl');
/** A later download is another blob: a blob never changes. */
const ofDownload = (part: number, download: number, ending: string) =>
  ofPart(part, `${download === 1 ? 'results' : `results.${download}`}.${ending}`);
/** The verified results as received, or, if tasks share requests, rewritten with a line per task. */
export const partResults = (part: number, download = 1): string => ofDownload(part, download, 'jsonl');
/** The results as received with a line per request, for a part whose tasks share requests. */
export const partReceived = (part: number, download = 1): string =>
  ofPart(part, `${download === 1 ? 'received' : `received.${download}`}.jsonl`);
/** Where the answers are in the results. */
export const partResultsIndex = (part: number, download = 1): string => ofDownload(part, download, 'idx');
