import { BatchError } from '../errors.ts';

const ULID = '[0-7][0-9A-HJKMNP-TV-Z]{25}';

type Kind = { pattern: RegExp; what: string; valid: string };

/** What names something in the store. Each is checked before anything is looked for under it. */
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
  day: { pattern: /^\d{4}-\d{2}-\d{2}$/, what: 'a day', valid: 'one as 2026-11-22' },
  blob: {
    pattern: /^[a-z0-9][a-z0-9-]*(\.[a-z0-9]+)*$/,
    what: 'the name of a blob',
    valid: 'small letters, digits, - and single dots',
  },
} satisfies Record<string, Kind>;

export const isBlobName = (name: string): boolean => kinds.blob.pattern.test(name);
export const isBatchId = (id: string): boolean => kinds.batch.pattern.test(id);
export const isHash = (name: string): boolean => kinds.hash.pattern.test(name);

/** The id itself, where it is one of its kind; else throws `invalid_input`. */
export function checkedId(kind: keyof typeof kinds, id: string): string {
  const { pattern, what, valid } = kinds[kind];
  if (pattern.test(id)) return id;
  throw new BatchError('invalid_input', `This is not ${what}. Valid: ${valid}.`);
}

/** What a batch's blobs are called. In a data folder these are the names of files: they never change. */

/** The tasks, a line each in the caller's order. */
export const TASKS = 'tasks.jsonl';
/** Where these lines stand, and their requests in the parts' bodies. */
export const TASKS_INDEX = 'tasks.idx';

/** Work that waits for the answers it works on, as JSON: all but these. */
export const WAITING_WORK = 'waiting-work.json';

/** The schemas that answers are checked by, a line each; of the first attempt. */
export const SCHEMAS = 'schemas.jsonl';

const ofPart = (part: number, ending: string) => `part-${String(part).padStart(4, '0')}.${ending}`;

/** The exact body that is sent. */
export const partBody = (part: number): string => ofPart(part, 'requests.json');
/** The tasks of a part that lists them. */
export const partTasks = (part: number): string => ofPart(part, 'tasks.jsonl');
/** Of a part that lists its tasks: the schemas that their answers are checked by. */
export const partSchemas = (part: number): string => ofPart(part, 'schemas.jsonl');
/** A later download is another blob: what was written once stays as it is. */
const ofDownload = (part: number, download: number, ending: string) =>
  ofPart(part, `${download === 1 ? 'results' : `results.${download}`}.${ending}`);
/** The results as they were received, verified; where tasks share requests, made of these, one for each task. */
export const partResults = (part: number, download = 1): string => ofDownload(part, download, 'jsonl');
/** Of a part whose tasks share requests: the results as they were received, one for each request. */
export const partReceived = (part: number, download = 1): string =>
  ofPart(part, `${download === 1 ? 'received' : `received.${download}`}.jsonl`);
/** Where the answers stand in them. */
export const partResultsIndex = (part: number, download = 1): string => ofDownload(part, download, 'idx');
