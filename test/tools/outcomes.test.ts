import { describe, expect, test } from 'vitest';
import { endedBatch, follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import type { Reply } from '../harness.ts';
import { eachNth, long } from '../long.ts';

const schema = { type: 'object', properties: { label: { type: 'string' } }, required: ['label'] };

type Case = { name: string; line: (request: ApiRequest) => object; shown: object; output_schema?: object };

const stopped = (stop_reason: string, text: string) => (request: ApiRequest) =>
  succeeded(request, text, { stop_reason });
const saying = (content: object[]) => (request: ApiRequest) => succeeded(request, '', { content });

/** Every way in which a request can end, and how its task is to be told of. */
const cases: Case[] = [
  {
    name: 'an answer',
    line: (request) => succeeded(request, 'All is well.'),
    shown: { outcome: 'succeeded', text: 'All is well.', stop_reason: 'end_turn' },
  },
  {
    name: 'thinking first',
    line: saying([
      { type: 'thinking', thinking: 'Hmm.', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'eA==' },
      { type: 'text', text: 'Thought through.' },
    ]),
    shown: {
      outcome: 'succeeded',
      text: 'Thought through.',
      stop_reason: 'end_turn',
      left_out: ['thinking', 'redacted_thinking'],
    },
  },
  {
    name: 'text in several blocks',
    line: saying([
      { type: 'text', text: 'According to ' },
      { type: 'text', text: 'the source', citations: [{ type: 'char_location' }] },
      { type: 'text', text: '.' },
    ]),
    shown: {
      outcome: 'succeeded',
      text: 'According to the source.',
      stop_reason: 'end_turn',
      left_out: ['citations'],
    },
  },
  {
    name: 'only a call of a tool',
    line: (request) =>
      succeeded(request, '', {
        content: [{ type: 'tool_use', id: 'toolu_1', name: 'look_up', input: { key: 7 } }],
        stop_reason: 'tool_use',
      }),
    shown: {
      outcome: 'succeeded',
      text: '',
      tool_calls: [{ id: 'toolu_1', name: 'look_up', input: { key: 7 } }],
      stop_reason: 'tool_use',
    },
  },
  {
    name: 'JSON that was asked for',
    output_schema: schema,
    line: (request) => succeeded(request, '{"label": "card"}'),
    shown: { outcome: 'succeeded', json: { label: 'card' }, stop_reason: 'end_turn' },
  },
  {
    name: 'JSON that nobody asked for',
    line: (request) => succeeded(request, '{"label": "card"}'),
    shown: { outcome: 'succeeded', text: '{"label": "card"}', stop_reason: 'end_turn' },
  },
  {
    name: 'broken JSON that was asked for',
    output_schema: schema,
    line: (request) => succeeded(request, '{"label": '),
    shown: {
      outcome: 'incomplete',
      text: '{"label": ',
      stop_reason: 'end_turn',
      error: {
        type: 'invalid_answer',
        message: 'The answer breaks its output_schema: it is not JSON.',
        retryable: true,
      },
    },
  },
  {
    name: 'cut off at max_tokens',
    line: stopped('max_tokens', 'It begins'),
    shown: {
      outcome: 'incomplete',
      text: 'It begins',
      stop_reason: 'max_tokens',
      error: { type: 'max_tokens', message: 'The answer was cut off at max_tokens.', retryable: true },
    },
  },
  {
    name: 'refused',
    line: (request) => succeeded(request, '', { content: [], stop_reason: 'refusal' }),
    shown: {
      outcome: 'incomplete',
      text: '',
      stop_reason: 'refusal',
      error: { type: 'refusal', message: 'The model declined to answer.', retryable: false },
    },
  },
  {
    name: 'paused',
    line: stopped('pause_turn', 'Wait'),
    shown: {
      outcome: 'incomplete',
      text: 'Wait',
      stop_reason: 'pause_turn',
      error: {
        type: 'pause_turn',
        message: 'The model paused a long turn and was not resumed.',
        retryable: false,
      },
    },
  },
  {
    name: 'cut off at the context window',
    line: stopped('model_context_window_exceeded', 'So much'),
    shown: {
      outcome: 'incomplete',
      text: 'So much',
      stop_reason: 'model_context_window_exceeded',
      error: {
        type: 'model_context_window_exceeded',
        message: 'The answer was cut off where the context window was full.',
        retryable: false,
      },
    },
  },
  {
    name: 'a request that was wrong',
    line: (request) => errored(request, 'invalid_request_error', 'messages.0: no such thing'),
    shown: {
      outcome: 'errored',
      error: { type: 'invalid_request_error', message: 'messages.0: no such thing', retryable: false },
    },
  },
  {
    name: 'declined, with a category',
    line: (request) =>
      succeeded(request, '', {
        content: [],
        stop_reason: 'refusal',
        stop_details: { type: 'refusal', category: 'cyber' },
      }),
    shown: {
      outcome: 'incomplete',
      text: '',
      stop_reason: 'refusal',
      left_out: ['stop_details'],
      error: { type: 'refusal', message: 'The model declined to answer (cyber).', retryable: false },
    },
  },
  {
    name: 'no credit',
    line: (request) =>
      errored(
        request,
        'invalid_request_error',
        'Your credit balance is too low to access the Anthropic API.',
      ),
    shown: {
      outcome: 'errored',
      error: {
        type: 'billing_error',
        message: 'Your credit balance is too low to access the Anthropic API.',
        retryable: true,
      },
    },
  },
  {
    name: 'a fault of the API',
    line: (request) => errored(request, 'api_error', 'Internal server error'),
    shown: {
      outcome: 'errored',
      error: { type: 'api_error', message: 'Internal server error', retryable: true },
    },
  },
  {
    name: 'an error that is nested once only',
    line: ({ custom_id }) => ({
      custom_id,
      result: { type: 'errored', error: { type: 'overloaded_error', message: 'Overloaded' } },
    }),
    shown: {
      outcome: 'errored',
      error: { type: 'overloaded_error', message: 'Overloaded', retryable: true },
    },
  },
  {
    name: 'expired',
    line: (request) => unfinished(request, 'expired'),
    shown: {
      outcome: 'expired',
      error: {
        type: 'expired',
        message: 'The batch expired before this request was processed.',
        retryable: true,
      },
    },
  },
  {
    name: 'canceled',
    line: (request) => unfinished(request, 'canceled'),
    shown: {
      outcome: 'canceled',
      error: {
        type: 'canceled',
        message: 'The batch was canceled before this request was processed.',
        retryable: true,
      },
    },
  },
];

const tasks = cases.map(({ name, output_schema }) => ({
  task_id: name,
  prompt: 'What is it?',
  ...(output_schema && { output_schema }),
}));

/** The lines of all cases, in an order that is not the requests'. */
function shuffled(requests: ApiRequest[]): object[] {
  const lines = requests.map((request, index) => cases[index]?.line(request) ?? {});
  return lines.map((_, index) => lines[(index * 7 + 3) % lines.length] ?? {});
}

const counts = { succeeded: 6, incomplete: 6, errored: 4, expired: 1, canceled: 1, missing: 0, pending: 0 };

describe('results of every kind, shuffled', () => {
  test('are told apart, in order, with totals that add up', async () => {
    const { server, batch_id } = await endedBatch(tasks, shuffled);
    const results = await server.ok('get_results', { batch_id });

    expect(results.results).toEqual(cases.map(({ name, shown }) => ({ task_id: name, ...shown })));
    expect(results.totals).toEqual({ total: cases.length, ...counts });
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(cases.length);
    const status = await server.ok('batch_status', { batch_id });
    expect(status.outcomes).toEqual(counts);
    // The API counts an answer that was cut off or declined as succeeded.
    expect(status.request_counts).toEqual({
      processing: 0,
      succeeded: 12,
      errored: 4,
      canceled: 1,
      expired: 1,
    });
  });

  test('are grouped by cause, with advice and samples', async () => {
    const { server, batch_id } = await endedBatch(tasks, shuffled);
    const { error_digest } = await server.ok('get_results', { batch_id, detail: 'summary' });
    const causes = cases.flatMap(({ name, shown }) =>
      'error' in shown && shown.error ? [{ ...shown.error, count: 1, sample_task_ids: [name] }] : [],
    );
    expect(error_digest).toHaveLength(causes.length);
    expect(error_digest).toEqual(
      expect.arrayContaining(causes.map((cause) => expect.objectContaining(cause))),
    );
    for (const { suggestion } of error_digest) expect(suggestion).toMatch(/\w/);
  });

  const filters = [
    { outcomes: ['succeeded'], wanted: ['succeeded'] },
    { outcomes: ['failed'], wanted: ['incomplete', 'errored', 'expired', 'canceled'] },
    { outcomes: ['errored', 'expired'], wanted: ['errored', 'expired'] },
    { outcomes: ['incomplete', 'failed'], wanted: ['incomplete', 'errored', 'expired', 'canceled'] },
    { outcomes: ['missing'], wanted: [] },
    { outcomes: ['pending'], wanted: [] },
  ];
  test('are filtered by outcome', long, async () => {
    const { server, batch_id } = await endedBatch(tasks, shuffled);
    for (const { outcomes, wanted } of filters) {
      const { results, totals } = await server.ok('get_results', { batch_id, outcomes });
      const expected = cases.filter(
        ({ shown }) => 'outcome' in shown && wanted.includes(String(shown.outcome)),
      );
      expect(
        results.map(({ task_id }: { task_id: string }) => task_id),
        outcomes.join(),
      ).toEqual(expected.map(({ name }) => name));
      expect(totals.total).toBe(cases.length);
    }
  });

  test('are picked by task id, in the order of the tasks', long, async () => {
    const { server, batch_id } = await endedBatch(tasks, shuffled);
    const task_ids = ['expired', 'an answer', 'paused'];
    const picked = await server.ok('get_results', { batch_id, task_ids });
    expect(picked.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual([
      'an answer',
      'paused',
      'expired',
    ]);
    const both = await server.ok('get_results', { batch_id, task_ids, outcomes: ['failed'] });
    expect(both.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(['paused', 'expired']);

    const refused = await server.fails('get_results', {
      batch_id,
      task_ids: ['an answer', 'nobody', 'none'],
    });
    expect(refused).toMatch(/2 of the task_ids.*\n.*"nobody".*\n.*"none"/);
  });
});

test('lines that cannot be read as a result are errors of their own, and not lost', async () => {
  const strange: ((request: ApiRequest) => object)[] = [
    ({ custom_id }) => ({ custom_id, result: { type: 'succeeded' } }),
    ({ custom_id }) => ({ custom_id, result: { type: 'errored' } }),
    ({ custom_id }) => ({ custom_id, result: { type: 'of_a_new_kind' } }),
  ];
  const { server, batch_id } = await endedBatch(prompts(ids(3)), (requests) =>
    requests.map((request, index) => strange[index]?.(request) ?? {}),
  );
  const { results, totals } = await server.ok('get_results', { batch_id });
  expect(totals).toMatchObject({ total: 3, errored: 3 });
  for (const { error } of results) expect(error.type).toBe('unreadable_result');
});

test('parts that have ended are read while others still run', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
  const { batch_id, parts } = await server.ok('submit_batch', { requests: prompts(ids(5)) });
  api.end(parts[1].provider_batch_id);

  const early = await server.ok('get_results', { batch_id });
  expect(early.totals).toMatchObject({ total: 5, pending: 3, succeeded: 2 });
  // What is still out is counted, not listed.
  expect(early.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(['t003', 't004']);
  expect(early).toMatchObject({ processing_status: 'in_progress', cost_usd: { actual: null } });
  const { results } = await server.ok('get_results', { batch_id, outcomes: ['pending'] });
  expect(results).toHaveLength(3);

  const page = await server.ok('get_results', { batch_id, limit: 1 });
  api.endAll();
  const late = await server.ok('get_results', { batch_id });
  expect(late).toMatchObject({ processing_status: 'ended', totals: { total: 5, pending: 0, succeeded: 5 } });
  expect(late.results.map(({ text }: { text: string }) => text)).toEqual(ids(5).map((id) => `answer ${id}`));
  // The page before it showed fewer answers than there are now: going on from it could leave some out.
  const stale = await server.fails('get_results', { batch_id, limit: 1, cursor: page.next_cursor });
  expect(stale).toMatch(/cursor: .*older results.*without a cursor it starts from the beginning/);
});

/** Usage that nobody can count with: each keeps its answer, and is said. */
const oddUsages: unknown[] = [
  undefined,
  null,
  'ten',
  [],
  {},
  ...[1.5, 1e308, 2 ** 53, -1, null, 'five', true, [], undefined].map((output_tokens) => ({
    input_tokens: 10,
    output_tokens,
  })),
  { input_tokens: 10, output_tokens: 5, cache_creation: 'much' },
  { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 0.5 },
];

test('an answer is never hostage to its accounting: what of it cannot be read is left out, and said', async () => {
  const good = 'good';
  const odd = oddUsages.map((_, index) => `odd_${index}`);
  const usageOf = (id: string) =>
    id === good ? { input_tokens: 10, output_tokens: 5 } : oddUsages[odd.indexOf(id)];
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((each) => succeeded(each, 'fine', { usage: usageOf(each.custom_id) })),
  });
  const server = await startCheckedServer({ api });
  const { batch_id } = await server.ok('submit_batch', { requests: prompts([good, ...odd]) });
  const { results } = await server.ok('get_results', { batch_id });
  expect(results.map(({ outcome }: Reply) => outcome)).toEqual([good, ...odd].map(() => 'succeeded'));
  const status = await server.ok('batch_status', { batch_id });
  expect(status).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
  expect(status.warnings.join(' ')).toContain(`The usage of ${odd.length} answers can't be read in full`);
  expect(status.cost_usd.actual).toBeCloseTo(0.000195, 9);
});

/** What the API says succeeded, and cannot be read: with the cost of both answers, and whether some of that is said to be unknown. */
const unread: [what: string, message: object | null, usd: number, isSaid: boolean][] = [
  [
    'a block that is none',
    { content: [null], usage: { input_tokens: 10, output_tokens: 5 } },
    0.00007,
    false,
  ],
  ['content that is none', { content: 5, usage: { input_tokens: 10, output_tokens: 5 } }, 0.00007, false],
  ['usage that is none', { content: 5 }, 0.000035, true],
  ['a message that is none', null, 0.000035, true],
];

eachNth(4, unread)(
  'an answer that cannot be read was paid all the same: %s',
  async (_what, message, usd, isSaid) => {
    const api = await startApi({
      endsAtOnce: true,
      results: (requests) =>
        requests.map((each) => {
          const model = each.params.model;
          if (each.custom_id === 't001') return succeeded(each, 'fine');
          const odd = message && { model, ...message };
          return { custom_id: each.custom_id, result: { type: 'succeeded', message: odd } };
        }),
    });
    const server = await startCheckedServer({ api });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(2)) });
    const { results, totals } = await server.ok('get_results', { batch_id });
    expect(totals).toMatchObject({ succeeded: 1, errored: 1 });
    expect(results[0]).toMatchObject({ text: 'fine' });
    const { cost_usd, warnings } = await server.ok('batch_status', { batch_id });
    expect(cost_usd.actual).toBeCloseTo(usd, 9);
    expect(warnings.join(' ').includes("can't be read in full")).toBe(isSaid);
  },
);

describe('cursors', () => {
  test('go through all pages, once each', async () => {
    const { server, batch_id } = await endedBatch(prompts(ids(23)), undefined);
    const pages: string[][] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await server.ok('get_results', { batch_id, limit: 5, cursor });
      pages.push(page.results.map(({ task_id }: { task_id: string }) => task_id));
      cursor = page.next_cursor;
    }
    expect(pages.map((page) => page.length)).toEqual([5, 5, 5, 5, 3]);
    expect(pages.flat()).toEqual(ids(23));
  });

  test('are refused for what they were not made for', async () => {
    const { server, batch_id } = await endedBatch(prompts(ids(6)), undefined);
    const { next_cursor: cursor } = await server.ok('get_results', { batch_id, limit: 2 });
    const other = await server.ok('submit_batch', { requests: prompts(ids(7)), sandbox: true });
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const wrong: [string, object, RegExp][] = [
      ['made up', { cursor: 'page2' }, /not one that this server gave/],
      ['of another shape', { cursor: encode({ next: -1, of: 'x' }) }, /not one that this server gave/],
      ['with other outcomes', { cursor, outcomes: ['failed'] }, /other filters/],
      ['with task ids', { cursor, task_ids: ['t001'] }, /other filters/],
      ['in other detail', { cursor, detail: 'full' }, /other filters/],
      ['of another batch', { cursor, batch_id: other.batch_id }, /another batch/],
      ['for a summary', { cursor, detail: 'summary' }, /detail concise or full/],
    ];
    for (const [name, args, message] of wrong) {
      const text = await server.fails('get_results', { batch_id, limit: 2, ...args });
      expect(text, name).toMatch(message);
      expect(text, name).toContain('cursor');
    }
    expect(await server.ok('get_results', { batch_id, limit: 3, cursor })).toMatchObject({
      results: [{ task_id: 't003' }, { task_id: 't004' }, { task_id: 't005' }],
    });
  });
});

test('above 50 tasks the reply is a summary, unless it is asked for more', async () => {
  const { server, batch_id } = await endedBatch(prompts(ids(51)), undefined);
  const summary = await server.ok('get_results', { batch_id });
  expect(summary).toMatchObject({
    detail: 'summary',
    totals: { total: 51, succeeded: 51 },
    next_cursor: null,
  });
  expect(summary.results).toHaveLength(3);
  expect(summary.next_step).toMatch(/output_file/);
  const concise = await server.ok('get_results', { batch_id, detail: 'concise' });
  expect(concise.results).toHaveLength(50);
  expect(concise.next_cursor).toEqual(expect.any(String));
});

eachNth<[what: string, line: (request: ApiRequest, index: number) => object, call: RegExp]>(3, [
  [
    'declined',
    (request, index) =>
      index === 0 ? succeeded(request, 'Yes.') : succeeded(request, '', { stop_reason: 'refusal' }),
    /1 refusal\)\. Another model often answers: call retry_batch .* error_types \["refusal"\] and model claude-/,
  ],
  [
    'wrong',
    (request) => errored(request, 'invalid_request_error', 'no'),
    /2 invalid_request_error\)\. Sent again as they are, they would fail again: get_results .* \["failed"\]/,
  ],
  [
    'declined, others worth a retry',
    (request, index) =>
      index === 0 ? unfinished(request, 'expired') : succeeded(request, '', { stop_reason: 'refusal' }),
    /Call retry_batch with batch_id \S+: it sends the 1 that can succeed again/,
  ],
])('the one call that mends a batch is named: tasks that were %s', async (what, line, call) => {
  const { server, batch_id } = await endedBatch(prompts(['a', 'b']), (requests) => requests.map(line));
  const { next_step, warnings } = await follow(server, batch_id);
  expect(next_step).toMatch(call);
  // The API names tokens of refusals that it does not bill.
  expect(warnings).toEqual(
    what.startsWith('declined')
      ? [expect.stringMatching(/actual cost counts the tokens of 1 refusal: .* not billed/)]
      : [],
  );
});
