import { describe, expect, it } from 'vitest';
import { checkAgainInSeconds, nextStep } from '../../../src/operations/replies/next-step.ts';
import type { PartState } from '../../../src/store/part-state.ts';
import { batchRecord } from '../../../src/store/record.ts';

const CREATED = '2026-11-22T08:00:00.000Z';
const later = (seconds: number) => new Date(Date.parse(CREATED) + 1000 * seconds);

const self = { host: 'here', pid: 1, started: '1', nonce: 'a' };
const intentAt = (seconds: number) => ({
  sender: self,
  at: later(seconds).toISOString(),
  send_deadline: later(seconds + 60).toISOString(),
  base_url: 'http://127.0.0.1',
  workspace: null,
  key_salt: 'salt',
  key_hash: 'hash',
  watermark: null,
  rejected: [],
});
const failure = { code: 'api_uncertain', message: 'no answer', at: CREATED };

const nothing = { succeeded: 0, incomplete: 0, errored: 0, expired: 0, canceled: 0, missing: 0 };
const saved = { saved_at: CREATED, bytes: 1, outcomes: nothing, usage: [], failures: [], warnings: [] };

type Seen = 'in_progress' | 'canceling' | 'ended';
function created(processing_status: Seen, { sentAfter = 0, isSaved = false } = {}): PartState {
  return {
    state: 'created',
    intent: intentAt(sentAfter),
    provider_batch_id: 'msgbatch_01',
    tentative: false,
    not_found_since: null,
    seen: {
      processing_status,
      request_counts: { processing: 1, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
      created_at: CREATED,
      expires_at: later(86_400).toISOString(),
      ended_at: processing_status === 'ended' ? CREATED : null,
    },
    results: isSaved ? saved : null,
  };
}

function recordOf(provider: 'anthropic' | 'sandbox', states: readonly PartState[]) {
  return batchRecord.parse({
    schema: 1,
    batch_id: 'batch_01ARZ3NDEKTSV4RRFFQ69G5FAV',
    name: 'test',
    project: null,
    provider,
    base_url: 'http://127.0.0.1',
    workspace: null,
    created_at: CREATED,
    content_hash: 'ab',
    request_count: states.length,
    owner: self,
    force_new: false,
    estimate: null,
    outputs: [],
    warnings: [],
    parts: states.map((progress, index) => ({
      number: index + 1,
      attempt: index + 1,
      request_count: 1,
      first_task: index,
      body_bytes: 1,
      body_sha256: 'ab',
      progress,
    })),
  });
}

const HOUR = 3_600;

describe('when it is worth to look again', () => {
  it.each<[what: string, states: PartState[], ageSeconds: number, expected: number]>([
    ['not sent', [{ state: 'not_sent', failure }], 10, 0],
    ['on disk and not sent yet', [{ state: 'prepared' }], 1, 5],
    ['on its way', [{ state: 'sending', intent: intentAt(0) }], 1, 5],
    [
      'uncertain',
      [{ state: 'unconfirmed', intent: intentAt(0), failure, empty_listings: 0, candidates: [] }],
      10,
      60,
    ],
    ['canceling', [created('canceling')], 5 * HOUR, 30],
    ['ended, results not here', [created('ended')], HOUR, 5],
    ['ended, results here', [created('ended', { isSaved: true })], HOUR, 0],
    ['just sent', [created('in_progress')], 0, 120],
    ['almost ten minutes', [created('in_progress')], 599, 120],
    ['ten minutes', [created('in_progress')], 600, 300],
    ['almost an hour', [created('in_progress')], HOUR - 1, 300],
    ['an hour', [created('in_progress')], HOUR, 900],
    ['almost four hours', [created('in_progress')], 4 * HOUR - 1, 900],
    ['four hours', [created('in_progress')], 4 * HOUR, 1_800],
    ['a day', [created('in_progress')], 24 * HOUR, 1_800],
    ['by a clock that is behind', [created('in_progress')], -100, 120],
    [
      'four hours, and a retry ten minutes ago',
      [created('ended', { isSaved: true }), created('in_progress', { sentAfter: 4 * HOUR - 600 })],
      4 * HOUR,
      300,
    ],
  ])('%s', (_what, states, age, expected) => {
    expect(checkAgainInSeconds(recordOf('anthropic', states), later(age), 2)).toBe(expected);
  });

  it.each<[seconds: number, ageSeconds: number, expected: number]>([
    [2, 0, 2],
    [2, 0.5, 2],
    [2, 1.5, 1],
    [2, 3, 1],
    [3_600, 60, 3_540],
  ])('a sandbox batch of %d seconds after %d', (seconds, age, expected) => {
    const record = recordOf('sandbox', [created('in_progress')]);
    expect(checkAgainInSeconds(record, later(age), seconds)).toBe(expected);
  });
});

it.each([
  [1, /look again in 1 second\.$/],
  [2, /look again in 2 seconds\.$/],
])('says %i of seconds in words', (check_again_in_seconds, said) => {
  const batch = { batch_id: 'batch_1', processing_status: 'in_progress' as const, check_again_in_seconds };
  expect(nextStep(batch)).toMatch(said);
});
