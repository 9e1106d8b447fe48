import { describe, expect, it } from 'vitest';
import {
  errorOf,
  outcomeOf,
  readResultLine,
} from '../../../../src/provider/anthropic/results/result-line.ts';

const usage = { input_tokens: 10, output_tokens: 5 };
const content = [{ type: 'text', text: 'Hi' }];

function line(result: unknown, custom_id: unknown = 'a') {
  return readResultLine(JSON.stringify({ custom_id, result }));
}

function answer(message: object = {}) {
  return line({
    type: 'succeeded',
    message: { model: 'm', content, stop_reason: 'end_turn', usage, ...message },
  });
}

describe('what became of a request', () => {
  const nested = { type: 'error', error: { type: 'overloaded_error', message: 'busy' }, request_id: null };
  const rows: [what: string, read: ReturnType<typeof line>, outcome: string, error: object | null][] = [
    ['an answer', answer(), 'succeeded', null],
    ['an answer that ends with a stop sequence', answer({ stop_reason: 'stop_sequence' }), 'succeeded', null],
    ['a tool call', answer({ stop_reason: 'tool_use' }), 'succeeded', null],
    ['no reason given', answer({ stop_reason: null }), 'succeeded', null],
    ['a reason of the future', answer({ stop_reason: 'bored' }), 'succeeded', null],
    ['a reason named like a method', answer({ stop_reason: 'toString' }), 'succeeded', null],
    ['cut off', answer({ stop_reason: 'max_tokens' }), 'incomplete', { type: 'max_tokens' }],
    ['declined', answer({ stop_reason: 'refusal' }), 'incomplete', { type: 'refusal' }],
    ['paused', answer({ stop_reason: 'pause_turn' }), 'incomplete', { type: 'pause_turn' }],
    [
      'a full context',
      answer({ stop_reason: 'model_context_window_exceeded' }),
      'incomplete',
      { type: 'model_context_window_exceeded' },
    ],
    [
      'an error, doubly nested',
      line({ type: 'errored', error: nested }),
      'errored',
      { type: 'overloaded_error', message: 'busy' },
    ],
    [
      'an error, flat',
      line({ type: 'errored', error: nested.error }),
      'errored',
      { type: 'overloaded_error', message: 'busy' },
    ],
    [
      'an error without message',
      line({ type: 'errored', error: { error: { type: 'api_error' } } }),
      'errored',
      { type: 'api_error', message: '' },
    ],
    ['no error', line({ type: 'errored' }), 'errored', { type: 'unreadable_result' }],
    ['no message', line({ type: 'succeeded' }), 'errored', { type: 'unreadable_result' }],
    [
      'a message without content',
      line({ type: 'succeeded', message: {} }),
      'errored',
      { type: 'unreadable_result' },
    ],
    ['a type of the future', line({ type: 'postponed' }), 'errored', { type: 'unreadable_result' }],
    ['canceled', line({ type: 'canceled' }), 'canceled', { type: 'canceled' }],
    ['expired', line({ type: 'expired' }), 'expired', { type: 'expired' }],
  ];
  it.each(rows)('%s', (_, read, outcome, error) => {
    if (read === null) throw new Error('no result was read');
    expect(read.custom_id).toBe('a');
    expect(outcomeOf(read)).toBe(outcome);
    if (error === null) expect(errorOf(read)).toBeNull();
    else expect(errorOf(read)).toMatchObject(error);
  });
});

describe('what is no result', () => {
  it.each(['', '{', 'null', '[]', '5', '{"custom_id":"a"}', '{"result":{"type":"expired"}}'])(
    '%j',
    (text) => {
      expect(readResultLine(text)).toBeNull();
    },
  );

  it.each([
    { custom_id: 5, result: { type: 'expired' } },
    { custom_id: 'a', result: {} },
  ])('%j', (value) => {
    expect(readResultLine(JSON.stringify(value))).toBeNull();
  });
});

describe('usage', () => {
  const none = {
    input_tokens: 0,
    output_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
  };
  const rows: [what: string, given: unknown, read: object][] = [
    ['plain', usage, { ...none, ...usage }],
    ['none', undefined, none],
    [
      'with nulls',
      { ...usage, cache_read_input_tokens: null, cache_creation: null },
      { ...usage, cache_read_input_tokens: 0 },
    ],
    [
      'with a cache',
      { ...usage, cache_creation: { ephemeral_5m_input_tokens: 3 } },
      { cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 0 } },
    ],
    ['below zero', { ...usage, output_tokens: -5 }, { output_tokens: 0 }],
    [
      'with searches',
      { ...usage, server_tool_use: { web_search_requests: 2 } },
      { server_tool_use: { web_search_requests: 2 } },
    ],
  ];
  it.each(rows)('%s', (_, given, read) => {
    expect(answer({ usage: given })).toMatchObject({ message: { usage: read } });
  });
});

describe('a message as the API writes it', () => {
  const full = {
    input_tokens: 1,
    output_tokens: 2,
    cache_read_input_tokens: 3,
    cache_creation_input_tokens: 4,
    cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 0 },
    server_tool_use: { web_search_requests: 5 },
    service_tier: 'batch',
  };
  const message = { id: 'msg_1', model: 'm', content, stop_reason: 'end_turn', stop_sequence: null };

  it.each([
    ['with all there is', full],
    ['without what is not counted', { ...full, cache_creation: null, server_tool_use: null }],
  ])('is read as it is, %s', (_what, usage) => {
    const read = line({ type: 'succeeded', message: { ...message, usage } });
    expect(read).toEqual({ type: 'succeeded', custom_id: 'a', message: { ...message, usage } });
  });

  it.each([
    ['input_tokens', -1],
    ['output_tokens', '2'],
    ['cache_read_input_tokens', null],
    ['cache_creation_input_tokens', undefined],
  ])('counts nothing where %s is %j', (field, value) => {
    const read = line({ type: 'succeeded', message: { ...message, usage: { ...full, [field]: value } } });
    expect(read).toMatchObject({ message: { usage: { ...full, [field]: 0 } } });
  });

  it.each([
    [
      'cache_creation',
      { ephemeral_5m_input_tokens: 4 },
      { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 0 },
    ],
    ['server_tool_use', { web_search_requests: -1 }, { web_search_requests: 0 }],
    ['server_tool_use', 'none', null],
  ])('takes what it can of an odd %s', (field, value, taken) => {
    const read = line({ type: 'succeeded', message: { ...message, usage: { ...full, [field]: value } } });
    expect(read).toMatchObject({ message: { usage: { ...full, [field]: taken } } });
  });
});
