import { describe, expect, it } from 'vitest';
import { createFailureGroups, isRetryable, suggestionFor } from '../../src/answers/failures.ts';

describe('what comes of a cause', () => {
  const rows: [type: string, retryable: boolean][] = [
    ['invalid_request_error', false],
    ['authentication_error', false],
    ['permission_error', false],
    ['billing_error', true],
    ['spend_limit_error', true],
    ['not_found_error', false],
    ['request_too_large', false],
    ['rate_limit_error', true],
    ['overloaded_error', true],
    ['api_error', true],
    ['timeout_error', true],
    ['expired', true],
    ['canceled', true],
    ['missing', true],
    ['max_tokens', true],
    ['refusal', false],
    ['pause_turn', false],
    ['model_context_window_exceeded', false],
  ];
  it.each(rows)('%s', (type, retryable) => {
    expect(isRetryable(type)).toBe(retryable);
    expect(suggestionFor(type)).not.toBe(suggestionFor('some_new_error'));
  });

  // A type is the API's word, or whatever a results file holds: it must not reach into the table's own object.
  it.each(['', 'constructor', '__proto__', 'toString'])('%j is a cause that nobody knows', (type) => {
    expect(isRetryable(type)).toBe(false);
    expect(suggestionFor(type)).toBe(suggestionFor('some_new_error'));
  });
});

describe('failures are grouped', () => {
  it('by type and by message but for numbers and quoted names, the most frequent first', () => {
    const groups = createFailureGroups();
    groups.add('api_error', 'Internal error', 0);
    groups.add('invalid_request_error', 'messages.1: "a" is 12 too long', 1);
    groups.add('invalid_request_error', "messages.2: 'b' is 7 too long", 2);
    groups.add('invalid_request_error', 'max_tokens: required', 3);
    groups.add('invalid_request_error', 'messages.30: `c` is 999 too long', 4);
    expect(groups.finish()).toEqual([
      {
        type: 'invalid_request_error',
        message: 'messages.1: "a" is 12 too long',
        count: 3,
        sample_ordinals: [1, 2, 4],
      },
      { type: 'api_error', message: 'Internal error', count: 1, sample_ordinals: [0] },
      { type: 'invalid_request_error', message: 'max_tokens: required', count: 1, sample_ordinals: [3] },
    ]);
  });

  it('without growing, whatever types the API makes up', () => {
    const groups = createFailureGroups();
    for (let index = 0; index < 1000; index += 1)
      groups.add(`of type ${index}`.padEnd(500, 'x'), 'No.', index);
    const finished = groups.finish();
    expect(finished.length).toBeLessThanOrEqual(30);
    expect(finished.reduce((sum, { count }) => sum + count, 0)).toBe(1000);
    for (const { type } of finished) expect(type.length).toBeLessThanOrEqual(65);
  });

  it('without growing: few samples, short messages, one group for all that is rare', () => {
    const groups = createFailureGroups();
    const word = (index: number) =>
      'abcdefghijklmnopqrstuvwxyz'.slice(index % 26, (index % 26) + 1).repeat(500);
    for (let index = 0; index < 2600; index += 1) groups.add('api_error', word(index), index);
    const finished = groups.finish();
    expect(finished).toHaveLength(21);
    expect(finished.reduce((sum, { count }) => sum + count, 0)).toBe(2600);
    expect(finished[0]).toMatchObject({ message: 'Other messages of this type', count: 600 });
    for (const group of finished) {
      expect(group.message.length).toBeLessThanOrEqual(301);
      expect(group.sample_ordinals).toHaveLength(5);
    }
  });
});
