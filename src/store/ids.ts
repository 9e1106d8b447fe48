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
