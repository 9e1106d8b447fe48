import { describe, expect, it, test } from 'vitest';
import { countResultLine, readResultLine } from '../../../../src/provider/anthropic/results/result-line.ts';

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

test.each(['completed', 'SUCCEEDED', 'partial'])('counts what was paid for a result called %s', (type) => {
  const message = { model: 'm', content, stop_reason: 'end_turn', usage };
  expect(line({ type, message })).toMatchObject({
    outcome: 'errored',
    error: { type: 'unreadable_result' },
    usage: { model: 'm', tokens: usage, is_whole: true },
  });
  expect(countResultLine(Buffer.from(JSON.stringify({ custom_id: 'a', result: { type, message } })))).toEqual(
    expect.objectContaining({ usage: expect.objectContaining({ tokens: expect.objectContaining(usage) }) }),
  );
  expect(line({ type })).toMatchObject({ outcome: 'errored', usage: null });
});

describe('what became of a request', () => {
  const nested = { type: 'error', error: { type: 'overloaded_error', message: 'busy' }, request_id: null };
  type Row = [what: string, read: ReturnType<typeof line>, outcome: string, error: object | null];
  const rows: Row[] = [
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
    ...['contract_spend_limit_reached', 'enforced_spend_limit_reached'].map((error_code): Row => {
      const error = { type: 'rate_limit_error', message: 'no more', details: { error_code } };
      const nestedTwice = line({ type: 'errored', error: { type: 'error', error } });
      return [error_code, nestedTwice, 'errored', { type: 'spend_limit_error', message: 'no more' }];
    }),
    [
      'a limit that passes',
      line({
        type: 'errored',
        error: { type: 'rate_limit_error', details: { error_code: 'ramp_limit_exceeded' } },
      }),
      'errored',
      { type: 'rate_limit_error' },
    ],
    [
      'an error without message',
      line({ type: 'errored', error: { error: { type: 'api_error' } } }),
      'errored',
      { type: 'api_error', message: '' },
    ],
    ...['The upstream timed out.', { error: 'The upstream timed out.' }].map(
      (error): Row => [
        'an error that is a text of a gateway',
        line({ type: 'errored', error }),
        'errored',
        { type: 'unknown_error', message: 'The upstream timed out.' },
      ],
    ),
    [
      'an error without a type',
      line({ type: 'errored', error: { error: { message: 'no', code: '429' } } }),
      'errored',
      { type: 'unknown_error', message: 'no' },
    ],
    [
      'an error without a type that is about the account',
      line({ type: 'errored', error: { message: 'Your credit balance is too low' } }),
      'errored',
      { type: 'billing_error' },
    ],
    [
      'an error of nothing',
      line({ type: 'errored', error: { error: {} } }),
      'errored',
      { type: 'unreadable_result' },
    ],
    ['no error', line({ type: 'errored' }), 'errored', { type: 'unreadable_result' }],
    ['no message', line({ type: 'succeeded' }), 'errored', { type: 'unreadable_result' }],
    [
      'a message without content',
      line({ type: 'succeeded', message: {} }),
      'errored',
      { type: 'unreadable_result' },
    ],
    [
      'a text in place of blocks',
      line({ type: 'succeeded', message: { content: 'Hello', stop_reason: 'end_turn' } }),
      'succeeded',
      null,
    ],
    [
      'a call whose input is nested without end',
      readResultLine(
        JSON.stringify({
          custom_id: 'a',
          result: { type: 'succeeded', message: { content: [{ type: 'tool_use', input: 0 }], usage } },
        }).replace('"input":0', `"input":${'['.repeat(60_000)}${']'.repeat(60_000)}`),
      ),
      'errored',
      { type: 'unreadable_result' },
    ],
    [
      'a message whose content is null',
      line({ type: 'succeeded', message: { content: null, usage } }),
      'incomplete',
      { type: 'empty_answer' },
    ],
    [
      'a refusal of a category that is new',
      line({
        type: 'succeeded',
        message: { content: [], stop_reason: 'refusal', stop_details: { category: 'weapons_v2' }, usage },
      }),
      'incomplete',
      { type: 'refusal', message: 'The model declined to answer (weapons_v2).' },
    ],
    [
      'a refusal of a category that is a text of somebody’s',
      line({
        type: 'succeeded',
        message: { content: [], stop_reason: 'refusal', stop_details: { category: 'Ignore all' }, usage },
      }),
      'incomplete',
      { type: 'refusal', message: 'The model declined to answer.' },
    ],
    ['a type of the future', line({ type: 'postponed' }), 'errored', { type: 'unreadable_result' }],
    [
      'advice of another model alone',
      answer({ content: [{ type: 'server_tool_use', name: 'advisor' }, { type: 'advisor_tool_result' }] }),
      'incomplete',
      { type: 'empty_answer' },
    ],
    ['canceled', line({ type: 'canceled' }), 'canceled', null],
    ['expired', line({ type: 'expired' }), 'expired', null],
  ];
  it.each(rows)('%s', (_, read, outcome, error) => {
    if (read === null) throw new Error('no result was read');
    expect(read).toMatchObject({ request_id: 'a', outcome, error });
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

const counts = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_tokens: 0,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  web_searches: 0,
};

describe('what an answer took', () => {
  const full = {
    input_tokens: 1,
    output_tokens: 2,
    cache_read_input_tokens: 3,
    cache_creation_input_tokens: 10,
    cache_creation: { ephemeral_5m_input_tokens: 6, ephemeral_1h_input_tokens: 4 },
    server_tool_use: { web_search_requests: 5 },
    service_tier: 'batch',
  };
  const read = {
    input_tokens: 1,
    output_tokens: 2,
    cache_read_tokens: 3,
    cache_write_5m_tokens: 6,
    cache_write_1h_tokens: 4,
    web_searches: 5,
  };
  const rows: [what: string, given: unknown, tokens: object, isWhole: boolean][] = [
    ['with all there is', full, read, true],
    ['plain', usage, { ...counts, ...usage }, true],
    ['none', undefined, counts, false],
    ['null', null, counts, false],
    ['of another type', 'none', counts, false],
    [
      'with writes of no kind',
      { ...full, cache_creation: null },
      { ...read, cache_write_5m_tokens: 10, cache_write_1h_tokens: 0 },
      true,
    ],
    [
      'with writes of the short kind only',
      { ...full, cache_creation: { ephemeral_5m_input_tokens: 10 } },
      { ...read, cache_write_5m_tokens: 10, cache_write_1h_tokens: 0 },
      true,
    ],
    [
      'with more long writes than writes',
      { ...full, cache_creation_input_tokens: 3 },
      { ...read, cache_write_5m_tokens: 0 },
      true,
    ],
    ['with kinds of writes, and no sum of them', { ...full, cache_creation_input_tokens: null }, read, true],
    [
      'with a compaction, which the sums leave out',
      {
        ...full,
        iterations: [
          { type: 'message', input_tokens: 1, output_tokens: 2 },
          {
            type: 'compaction',
            input_tokens: 100,
            output_tokens: 20,
            cache_read_input_tokens: 30,
            cache_creation: { ephemeral_1h_input_tokens: 7 },
            cache_creation_input_tokens: 8,
          },
        ],
      },
      {
        input_tokens: 101,
        output_tokens: 22,
        cache_read_tokens: 33,
        cache_write_5m_tokens: 7,
        cache_write_1h_tokens: 11,
        web_searches: 5,
      },
      true,
    ],
    [
      "with a compaction that can't be read",
      { ...full, iterations: [{ type: 'compaction', input_tokens: 'many', output_tokens: 3 }] },
      { ...read, output_tokens: 5 },
      false,
    ],
    [
      'with the run of another model, at prices of its own',
      { ...full, iterations: [{ type: 'advisor_message', model: 'n', input_tokens: 9, output_tokens: 9 }] },
      read,
      false,
    ],
    ['with iterations that are none', { ...full, iterations: [null, 5, 'x', []] }, read, true],
    ['with iterations of null', { ...full, iterations: null }, read, true],
    ['without searches', { ...full, server_tool_use: null }, { ...read, web_searches: 0 }, true],
    [
      'with searches below zero',
      { ...full, server_tool_use: { web_search_requests: -1 } },
      { ...read, web_searches: 0 },
      false,
    ],
    [
      'with searches of another type',
      { ...full, server_tool_use: 'none' },
      { ...read, web_searches: 0 },
      false,
    ],
    ['no reads', { ...full, cache_read_input_tokens: null }, { ...read, cache_read_tokens: 0 }, true],
    ['input absent', { ...full, input_tokens: undefined }, { ...read, input_tokens: 0 }, false],
    ['input null', { ...full, input_tokens: null }, { ...read, input_tokens: 0 }, false],
    ['input below zero', { ...full, input_tokens: -1 }, { ...read, input_tokens: 0 }, false],
    ['input with a fraction', { ...full, input_tokens: 1.5 }, { ...read, input_tokens: 0 }, false],
    ['input beyond counting', { ...full, input_tokens: 1e308 }, { ...read, input_tokens: 0 }, false],
    ['input no longer exact', { ...full, input_tokens: 2 ** 53 }, { ...read, input_tokens: 0 }, false],
    ['output as text', { ...full, output_tokens: `${full.output_tokens}` }, read, true],
    ['output as a text of no digits', { ...full, output_tokens: '2x' }, { ...read, output_tokens: 0 }, false],
    [
      'output as a text with a fraction',
      { ...full, output_tokens: '2.5' },
      { ...read, output_tokens: 0 },
      false,
    ],
    ['output true', { ...full, output_tokens: true }, { ...read, output_tokens: 0 }, false],
    [
      'reads with a fraction',
      { ...full, cache_read_input_tokens: 0.1 },
      { ...read, cache_read_tokens: 0 },
      false,
    ],
  ];
  it.each(rows)('%s', (_, given, tokens, is_whole) => {
    const told = { model: 'm', tokens, thinking_tokens: 0, inference_geo: null, is_whole };
    expect(answer({ usage: given })?.usage).toEqual(told);
    const text = JSON.stringify({
      custom_id: 'a',
      result: { type: 'succeeded', message: { model: 'm', content: [], usage: given } },
    });
    expect(countResultLine(Buffer.from(text))?.usage).toEqual(told);
  });

  it('is beyond counting in a line that JSON.parse takes for infinite', () => {
    const text = `{"custom_id":"a","result":{"type":"succeeded","message":{"content":[],"usage":{"input_tokens":1e400}}}}`;
    expect(countResultLine(Buffer.from(text))?.usage).toMatchObject({
      tokens: { input_tokens: 0 },
      is_whole: false,
    });
  });

  it.each<[given: unknown, thinking: number, isWhole: boolean]>([
    [{ thinking_tokens: 4 }, 4, true],
    [undefined, 0, true],
    [null, 0, true],
    [{ thinking_tokens: 1.5 }, 0, false],
    ['none', 0, false],
  ])('tells what of it was thinking: %j', (output_tokens_details, thinking_tokens, is_whole) => {
    expect(answer({ usage: { ...usage, output_tokens_details } })?.usage).toMatchObject({
      thinking_tokens,
      is_whole,
    });
  });

  it('says where it was computed', () => {
    expect(answer({ usage: { ...usage, inference_geo: 'us' } })?.usage?.inference_geo).toBe('us');
  });
});

test.each(['stop_details', 'container', 'context_management', 'usage'])(
  '%s that is nested without end costs no answer, and is left out',
  (key) => {
    const deep = `${'['.repeat(60_000)}${']'.repeat(60_000)}`;
    const message = { content, stop_reason: 'end_turn', ...(key !== 'usage' && { usage }), [key]: 0 };
    const text = JSON.stringify({ custom_id: 'a', result: { type: 'succeeded', message } });
    const given = key === 'usage' ? `{"input_tokens":10,"output_tokens":5,"more":${deep}}` : deep;
    const read = readResultLine(text.replace(`"${key}":0`, `"${key}":${given}`));
    expect(read).toMatchObject({ outcome: 'succeeded', answer: { text: 'Hi', more: {}, usage } });
    expect(JSON.parse(JSON.stringify(read))).toEqual(read);
  },
);

describe('what a model said', () => {
  const rows: [what: string, message: object, said: object][] = [
    ['a text', {}, { text: 'Hi', tool_calls: [], stop_reason: 'end_turn', model: 'm' }],
    [
      'thinking before it',
      { content: [{ type: 'thinking', thinking: 'Hm' }, ...content] },
      { text: 'Hi', tool_calls: [], left_out: ['thinking'], content: [{ thinking: 'Hm' }, ...content] },
    ],
    [
      'a call beside it',
      { content: [...content, { type: 'tool_use', id: 't', name: 'look', input: { at: 1 } }] },
      { text: 'Hi', tool_calls: [{ name: 'look', input: { at: 1 } }] },
    ],
    [
      'a call of nothing',
      { content: [{ type: 'tool_use' }] },
      { text: '', tool_calls: [{ name: '', input: null }] },
    ],
    ['a text that is none', { content: [{ type: 'text', text: null }] }, { text: '' }],
    [
      'texts side by side, as citations split them',
      { content: [...content, { type: 'text', text: ' there', citations: [{ cited_text: 'x' }] }] },
      { text: 'Hi there', left_out: ['citations'] },
    ],
    [
      'texts around the call of a server tool and its result',
      {
        content: [
          { type: 'text', text: "I'll search for that." },
          { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
          { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
          { type: 'text', text: 'Based on the results' },
          { type: 'text', text: ', yes.' },
        ],
      },
      {
        text: "I'll search for that.\n\nBased on the results, yes.",
        left_out: ['server_tool_use', 'web_search_tool_result'],
      },
    ],
    [
      'texts around thinking',
      { content: [...content, { type: 'thinking', thinking: 'Hm' }, ...content] },
      { text: 'Hi\n\nHi', left_out: ['thinking'] },
    ],
    [
      'a blank text before thinking',
      { content: [{ type: 'text', text: '\n\n' }, { type: 'thinking', thinking: 'Hm' }, ...content] },
      { text: 'Hi' },
    ],
    ['one text, which is all of it', {}, { content: null, left_out: [], more: {} }],
    [
      'one text without citations',
      { content: [{ type: 'text', text: 'Hi', citations: null }] },
      { content: null },
    ],
    ['a text of which more is said', { content: [{ ...content[0], mood: 1 }] }, { content: [{ mood: 1 }] }],
    ['a blank text', { content: [{ type: 'text', text: ' ' }] }, { text: '', content: [{ text: ' ' }] }],
    ['nothing', { content: [] }, { text: '', content: [] }],
    [
      'a call with its id',
      { content: [{ type: 'tool_use', id: 'toolu_1', name: 'look', input: {} }] },
      {
        tool_calls: [{ id: 'toolu_1', name: 'look', input: {} }],
        content: [{ id: 'toolu_1' }],
        left_out: [],
      },
    ],
    [
      'what else the API says',
      {
        stop_sequence: 'END',
        stop_details: { type: 'refusal', category: 'cyber' },
        container: { id: 'c', expires_at: 'x' },
        service: 'unknown',
      },
      {
        more: {
          stop_sequence: 'END',
          stop_details: { type: 'refusal', category: 'cyber' },
          container: { id: 'c', expires_at: 'x' },
        },
      },
    ],
    ['usage as it came', { usage: { ...usage, more: { x: 1 } } }, { usage: { ...usage, more: { x: 1 } } }],
    ['no usage', { usage: null }, { usage: { input_tokens: 0, output_tokens: 0 } }],
    [
      'usage that is no count',
      { usage: { input_tokens: 1.5 } },
      { usage: { input_tokens: 0, output_tokens: 0 } },
    ],
    ['a model that is no name', { model: 7 }, { model: '' }],
  ];
  it.each(rows)('%s', (_, message, said) => {
    expect(answer(message)?.answer).toMatchObject(said);
  });
});
