import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { apiError, json } from '../api-server.ts';
import { eachNthOf, long } from '../long.ts';
import { ownId } from '../marks.ts';
import {
  type Fate,
  outcomesByTask,
  retryToTheEnd,
  type Script,
  scripted,
  scriptedBatch,
  sentIds,
  sentParams,
} from '../retry.ts';

describe('what a retry sends by itself', () => {
  const rows: { fate: Fate; sent: boolean }[] = [
    { fate: 'ok', sent: false },
    { fate: 'cut', sent: true },
    { fate: 'refused', sent: false },
    { fate: 'expired', sent: true },
    { fate: 'canceled', sent: true },
    { fate: 'overloaded', sent: true },
    { fate: 'invalid', sent: false },
    { fate: 'missing', sent: true },
  ];
  eachNthOf(10, rows)('$fate: $sent', async ({ fate, sent }) => {
    const clock = { ms: 0 };
    const now = () => new Date(Date.now() + clock.ms);
    const batch = await scriptedBatch({ a: [fate], other: ['expired', 'ok'] }, { server: { now } });
    await follow(batch.server, batch.batch_id);
    // By then it is certain what is missing.
    clock.ms = 16 * 60_000;
    await retryToTheEnd(batch);
    expect(sentIds(batch.api, 1)).toEqual(sent ? ['a', 'other'] : ['other']);
  });
});

test('a retry is the next attempt of the same batch, and its answers take the place of the failures', async () => {
  const script: Script = {
    a: ['ok'],
    b: ['overloaded', 'ok'],
    c: ['invalid'],
    d: ['expired', 'overloaded', 'ok'],
    e: ['missing', 'ok'],
  };
  let late = 0;
  const now = () => new Date(Date.now() + late);
  const batch = await scriptedBatch(script, { server: { now } });
  const { api, server, batch_id } = batch;
  await follow(server, batch_id);
  late = 16 * 60_000;
  const second = await server.ok('retry_batch', { batch_id });
  expect(second).toMatchObject({
    batch_id,
    processing_status: 'in_progress',
    request_count: 5,
    retry: {
      attempt: 2,
      request_count: 3,
      outcomes: { errored: 1, expired: 1, missing: 1 },
      error_types: { overloaded_error: 1, expired: 1, missing: 1 },
    },
  });
  expect(second.warnings.join(' ')).toContain('1 invalid_request_error');

  // While it runs, what is tried again is open, and nothing else.
  const running = await server.ok('batch_status', { batch_id });
  expect(running).toMatchObject({
    outcomes: { pending: 3, succeeded: 1, errored: 1, expired: 0, missing: 0 },
    request_counts: { processing: 3, succeeded: 1, errored: 1, canceled: 0, expired: 0 },
  });

  api.endAll();
  expect(await server.ok('batch_status', { batch_id })).toMatchObject({
    outcomes: { pending: 0, succeeded: 3, errored: 2 },
  });
  await retryToTheEnd(batch);
  expect(sentIds(api, 2)).toEqual(['d']);

  const results = await server.ok('get_results', { batch_id, detail: 'full' });
  expect(results).toMatchObject({
    totals: {
      total: 5,
      pending: 0,
      succeeded: 4,
      incomplete: 0,
      errored: 1,
      expired: 0,
      canceled: 0,
      missing: 0,
    },
    error_digest: [{ type: 'invalid_request_error', count: 1, retryable: false, sample_task_ids: ['c'] }],
  });
  expect(
    results.results.map(({ task_id, outcome, text, attempt }: Record<string, unknown>) => [
      task_id,
      outcome,
      text,
      attempt,
    ]),
  ).toEqual([
    ['a', 'succeeded', 'ok a 1', 1],
    ['b', 'succeeded', 'ok b 2', 2],
    ['c', 'errored', undefined, 1],
    ['d', 'succeeded', 'ok d 3', 3],
    ['e', 'succeeded', 'ok e 2', 2],
  ]);

  const status = await server.ok('batch_status', { batch_id });
  expect(status).toMatchObject({
    processing_status: 'ended',
    results_state: 'saved',
    attempts: [
      { attempt: 1, request_count: 5, outcomes: { succeeded: 1, errored: 2, expired: 1, missing: 1 } },
      { attempt: 2, request_count: 3, outcomes: { succeeded: 2, errored: 1 } },
      { attempt: 3, request_count: 1, outcomes: { succeeded: 1 } },
    ],
    part_count: 3,
  });
  expect(JSON.stringify(status).length).toBeLessThan(2_000);
});

test('the cost is that of all attempts', async () => {
  const batch = await scriptedBatch({ a: ['ok'], b: ['cut', 'ok'], c: ['overloaded', 'ok'] });
  const { server, batch_id } = batch;
  const first = (await server.ok('batch_status', { batch_id })).cost_usd;
  const { retry } = await server.ok('retry_batch', { batch_id });
  const running = (await server.ok('batch_status', { batch_id })).cost_usd;
  expect(running.actual).toBeNull();
  expect(running.maximum).toBeCloseTo(first.maximum + retry.cost_usd.maximum, 9);
  expect(running.expected).toBeCloseTo(first.expected + retry.cost_usd.expected, 9);
  batch.api.endAll();
  const ended = (await server.ok('get_results', { batch_id })).cost_usd;
  // Four answers of 10 and 5 tokens each, one of them cut off; the error cost nothing.
  expect(first.actual).toBeCloseTo((2 * (10 * 2 + 5 * 10)) / 1e6 / 2, 9);
  expect(ended.actual).toBeCloseTo((4 * (10 * 2 + 5 * 10)) / 1e6 / 2, 9);
});

describe('answers that were cut off', () => {
  const cutTask = (max_tokens: number) => ({
    custom_id: 'a',
    params: { model: 'claude-sonnet-4-5', max_tokens, messages: [{ role: 'user', content: 'Count.' }] },
  });

  test('get twice as many tokens each time, up to what the model can give', long, async () => {
    const batch = await scriptedBatch(
      { a: ['cut'] },
      {
        requests: [{ ...cutTask(20_000), params: { ...cutTask(20_000).params, model: 'claude-opus-4-5' } }],
        submit: {},
      },
    );
    await retryToTheEnd(batch);
    await retryToTheEnd(batch);
    expect(sentParams(batch.api, 1, 'a').max_tokens).toBe(40_000);
    expect(sentParams(batch.api, 2, 'a').max_tokens).toBe(64_000);

    const refused = await batch.server.fails('retry_batch', { batch_id: batch.batch_id });
    expect(refused).toMatch(/^wrong_state: Nothing was sent\. Cut off at the most tokens/);
    expect(batch.api.creates).toHaveLength(3);

    await retryToTheEnd(batch, {
      error_types: ['max_tokens'],
      model: 'claude-opus-5-5',
      max_tokens: 100_000,
    });
    expect(sentParams(batch.api, 3, 'a')).toMatchObject({ model: 'claude-opus-5-5', max_tokens: 100_000 });
  });

  test(
    'stay what they are, where nothing better comes: the cut one is worth more than a refusal',
    long,
    async () => {
      const batch = await scriptedBatch({
        a: ['cut', 'refused'],
        b: ['refused', 'cut'],
        c: ['cut', 'cut'],
        d: ['cut', 'overloaded'],
      });
      await retryToTheEnd(batch, { outcomes: ['failed'] });
      const { results } = await batch.server.ok('get_results', { batch_id: batch.batch_id });
      expect(results.map(({ text }: { text: string }) => text)).toEqual([
        'cut a 1',
        'cut b 2',
        'cut c 2',
        'cut d 1',
      ]);
    },
  );
});

describe('which of two answers counts', () => {
  const ranked: Fate[] = ['missing', 'canceled', 'expired', 'overloaded', 'refused', 'cut', 'ok'];
  const pairs = ranked.slice(0, -1).flatMap((first) => ranked.map((second) => ({ first, second })));
  test('the better one, of equals the latest', async () => {
    const script = Object.fromEntries(
      pairs.map(({ first, second }) => [`${first}-${second}`, [first, second]]),
    );
    const batch = await scriptedBatch(script);
    await retryToTheEnd(batch, { outcomes: ['failed'] });
    const { results, totals } = await batch.server.ok('get_results', {
      batch_id: batch.batch_id,
      detail: 'full',
      limit: 200,
    });
    const attempts = Object.fromEntries(
      results.map(({ task_id, attempt }: { task_id: string; attempt: number }) => [task_id, attempt]),
    );
    for (const { first, second } of pairs) {
      const better = ranked.indexOf(second) >= ranked.indexOf(first) ? 2 : 1;
      expect(attempts[`${first}-${second}`], `${first}-${second}`).toBe(better);
    }
    const { total, ...each } = totals;
    expect(Object.values(each).reduce((sum: number, count) => sum + Number(count), 0)).toBe(total);
    expect(total).toBe(pairs.length);
  });
});

describe('what is asked for', () => {
  const script = {
    a: ['ok'],
    b: ['invalid', 'ok'],
    c: ['refused', 'ok'],
    d: ['expired', 'ok'],
    e: ['cut', 'ok'],
  } as const;
  const rows: { title: string; options: object; sent: string[]; warns?: RegExp }[] = [
    { title: 'an outcome', options: { outcomes: ['errored'] }, sent: ['b'] },
    { title: 'all that failed', options: { outcomes: ['failed'] }, sent: ['b', 'c', 'd', 'e'] },
    { title: 'a cause', options: { error_types: ['refusal', 'expired'] }, sent: ['c', 'd'] },
    { title: 'tasks', options: { task_ids: ['d', 'b'] }, sent: ['b', 'd'] },
    {
      title: 'tasks of which one is finished',
      options: { task_ids: ['a', 'b'] },
      sent: ['b'],
      warns: /Finished already, and not paid again: 1 of the task_ids/,
    },
    { title: 'tasks of an outcome', options: { task_ids: ['b', 'd'], outcomes: ['expired'] }, sent: ['d'] },
    {
      title: 'a correction alone',
      options: { requests: [{ task_id: 'c', prompt: 'Reworded.' }] },
      sent: ['c'],
      warns: /not sent again by this call: .*1 expired/,
    },
    {
      title: 'a correction of a finished answer',
      options: { requests: [{ task_id: 'a', prompt: 'Another question.' }] },
      sent: ['a'],
    },
    {
      title: 'a correction and a filter',
      options: { requests: [{ task_id: 'c', prompt: 'Reworded.' }], outcomes: ['expired'] },
      sent: ['c', 'd'],
    },
  ];
  eachNthOf(4, rows)('$title', async ({ options, sent, warns }) => {
    const batch = await scriptedBatch(script);
    const reply = await retryToTheEnd(batch, options);
    expect(sentIds(batch.api, 1)).toEqual(sent);
    if (warns) expect(reply.warnings.join(' ')).toMatch(warns);
    const { totals } = await batch.server.ok('get_results', { batch_id: batch.batch_id });
    expect(totals.succeeded).toBe(new Set(['a', ...sent]).size);
  });
});

describe('what is changed', () => {
  const native = (params: object) => [
    {
      custom_id: 'a',
      params: {
        model: 'claude-haiku-4-5',
        max_tokens: 5_000,
        messages: [{ role: 'user', content: 'Hello' }],
        ...params,
      },
    },
  ];
  const thinking = { thinking: { type: 'enabled', budget_tokens: 2_000 }, metadata: { user_id: 'u' } };

  const rows: { title: string; options: object; params: object }[] = [
    {
      title: 'the model',
      options: { model: 'claude-opus-4-5' },
      params: { ...thinking, model: 'claude-opus-4-5' },
    },
    { title: 'max_tokens', options: { max_tokens: 9_000 }, params: { ...thinking, max_tokens: 9_000 } },
    {
      title: 'params left out',
      options: { remove_params: ['thinking', 'metadata.user_id'] },
      params: { metadata: {} },
    },
    {
      title: 'the tier, for which a param has to go',
      options: { model_tier: 'premium', remove_params: ['thinking'] },
      params: { metadata: { user_id: 'u' }, model: 'claude-opus-5-5' },
    },
  ];
  eachNthOf(4, rows)('$title', async ({ options, params }) => {
    const batch = await scriptedBatch({ a: ['invalid', 'ok'] }, { requests: native(thinking) });
    await retryToTheEnd(batch, { outcomes: ['failed'], ...options });
    expect(sentParams(batch.api, 1, 'a')).toEqual({
      model: 'claude-haiku-4-5',
      max_tokens: 5_000,
      messages: [{ role: 'user', content: 'Hello' }],
      ...params,
    });
    // A third attempt starts from the second, not from the first.
    expect((await outcomesByTask(batch.server, batch.batch_id)).a).toBe('succeeded');
  });

  test('and changed again from there', long, async () => {
    const batch = await scriptedBatch({ a: ['invalid', 'invalid', 'ok'] }, { requests: native(thinking) });
    await retryToTheEnd(batch, { outcomes: ['failed'], remove_params: ['thinking'] });
    await retryToTheEnd(batch, { outcomes: ['failed'], max_tokens: 50 });
    const params = sentParams(batch.api, 2, 'a');
    expect(params).not.toHaveProperty('thinking');
    expect(params).toMatchObject({ max_tokens: 50, metadata: { user_id: 'u' } });
  });

  test('by corrected tasks in any form, under ids of any form', long, async () => {
    const schema = { type: 'object', properties: { time: { type: 'integer' } }, required: ['time'] };
    const batch = await scriptedBatch(
      { b: ['json'], c: ['json'], d: ['json'] },
      {
        requests: [
          { task_id: 'Straße 1/2', prompt: 'One', model: 'claude-haiku-5-5' },
          { task_id: 'b', prompt: 'Two', output_schema: schema },
          { task_id: 'c', prompt: 'Three' },
          { task_id: 'd', prompt: 'Four', output_schema: schema },
        ],
      },
    );
    await batch.server.ok('get_results', { batch_id: batch.batch_id });
    await retryToTheEnd(batch, {
      max_tokens: 321,
      requests: [
        { task_id: 'c', prompt: 'Three, as JSON', output_schema: schema },
        {
          custom_id: 'b',
          params: { model: 'claude-opus-5-5', max_tokens: 7, messages: [{ role: 'user', content: 'Hi' }] },
        },
        { task_id: 'Straße 1/2', task_type: 'generate_docs', input_data: { code: 'x = 1' } },
      ],
    });
    const [first, second] = batch.api.creates[1]?.requests ?? [];
    expect(first?.custom_id).toBe(batch.api.creates[0]?.requests[0]?.custom_id);
    expect(first?.params).toMatchObject({ model: 'claude-haiku-5-5', max_tokens: 321 });
    expect(second).toMatchObject({ custom_id: 'b', params: { model: 'claude-opus-5-5', max_tokens: 7 } });
    const { results } = await batch.server.ok('get_results', { batch_id: batch.batch_id, detail: 'full' });
    // Whether an answer is JSON goes by how it was asked for the last time.
    expect(results).toMatchObject([
      { task_id: 'Straße 1/2', attempt: 2 },
      { task_id: 'b', attempt: 2, text: '{"time":2}' },
      { task_id: 'c', attempt: 2, json: { time: 2 } },
      { task_id: 'd', attempt: 1, json: { time: 1 } },
    ]);
  });
});

describe('a dry run', () => {
  test('says what would be sent and at what cost, and writes nothing', async () => {
    const batch = await scriptedBatch({ a: ['ok'], b: ['cut'], c: ['expired'], d: ['invalid'] });
    const { server, batch_id, data } = { ...batch, data: batch.server.data };
    await server.ok('get_results', { batch_id });
    const folder = path.join(data, 'batches', batch_id);
    const before = await readdir(folder, { recursive: true });
    const reply = await server.ok('retry_batch', { batch_id, dry_run: true });
    expect(reply).toMatchObject({
      batch_id,
      dry_run: true,
      retry: {
        attempt: 2,
        request_count: 2,
        outcomes: { incomplete: 1, expired: 1 },
        error_types: { max_tokens: 1, expired: 1 },
        cost_usd: { actual: null },
      },
    });
    expect(reply.retry.cost_usd.maximum).toBeGreaterThan(reply.retry.cost_usd.expected);
    expect(JSON.parse(reply.retry.preview)).toMatchObject({ custom_id: 'b' });
    expect(reply.next_step).toMatch(/without dry_run/);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
    expect(batch.api.creates).toHaveLength(1);

    const { retry } = await server.ok('retry_batch', { batch_id });
    expect(retry.cost_usd).toEqual(reply.retry.cost_usd);
  });
});

test('a dry run that takes longer than a call may is given up, and says what to do', async () => {
  const script = Object.fromEntries(ids(200).map((id) => [id, ['overloaded'] as const]));
  const { api, server, batch_id } = await scriptedBatch(script);
  await server.ok('get_results', { batch_id });
  const hurried = await startCheckedServer({ api, folder: server.folder, limits: { callMs: 0 } });
  expect(await hurried.fails('retry_batch', { batch_id, dry_run: true })).toMatch(
    /^wrong_state: .*longer to look through .*max_cost_usd/,
  );
});

describe('nothing is sent', () => {
  const script = { a: ['ok'], b: ['invalid'], c: ['refused'] } as const;
  const rows: { title: string; options: object; says: RegExp }[] = [
    {
      title: 'where nothing can succeed next time',
      options: {},
      says: /^wrong_state: .*1 invalid_request_error, 1 refusal.*error_types/s,
    },
    {
      title: 'where nothing matches',
      options: { outcomes: ['expired'] },
      says: /^wrong_state: .*would send none/,
    },
    {
      title: 'for finished tasks',
      options: { task_ids: ['a'] },
      says: /^wrong_state: .*Finished already, and not paid again: 1 of the task_ids/,
    },
    {
      title: 'for unknown tasks',
      options: { task_ids: ['x', 'b', 'y'] },
      says: /^invalid_input: .*"x" is not a task.*"y" is not a task/s,
    },
    {
      title: 'for unknown corrections, all named',
      options: {
        requests: [
          { task_id: 'x', prompt: 'X' },
          { task_id: 'b', prompt: '' },
          { task_id: 'b', prompt: 'Y' },
        ],
      },
      says: /^invalid_input: .*requests\[1\] \(b\): prompt.*requests\[2\] \(b\): task_id: is the same.*requests\[0\] \(x\)/s,
    },
    {
      title: 'with an unknown model',
      options: { outcomes: ['failed'], model: 'claude-sonet-5-5' },
      says: /did you mean "claude-sonnet-5-5"/,
    },
    {
      title: 'without what a request needs',
      options: { outcomes: ['failed'], remove_params: ['messages'] },
      says: /messages can't be left out/,
    },
    {
      title: 'with a param that is nowhere',
      options: { outcomes: ['failed'], remove_params: ['thnking'] },
      says: /no request that would be sent again has "thnking"/,
    },
    {
      title: 'with more tokens than the model can give',
      options: { outcomes: ['failed'], max_tokens: 900_000 },
      says: /^invalid_input: .*task 2 \(b\): params.max_tokens.*task 3 \(c\): params.max_tokens/s,
    },
    {
      title: 'above the limit of the call',
      options: { outcomes: ['failed'], max_cost_usd: 0.000001 },
      says: /^cost_limit: Nothing was sent/,
    },
    {
      title: 'with resolve, where nothing is uncertain',
      options: { resolve: 'send_again' },
      says: /^wrong_state: Nothing about this batch is uncertain/,
    },
    {
      title: 'with resolve and more',
      options: { resolve: 'send_again', outcomes: ['failed'] },
      says: /^invalid_input: .*resolve alone/s,
    },
    {
      title: 'with an unknown argument',
      options: { outcome: ['failed'] },
      says: /^invalid_input: .*did you mean "outcomes"\?/s,
    },
  ];
  eachNthOf(4, rows)('$title', async ({ options, says }) => {
    const batch = await scriptedBatch(script);
    const { server, batch_id } = batch;
    await server.ok('get_results', { batch_id });
    const folder = path.join(server.data, 'batches', batch_id);
    const before = (await readdir(folder, { recursive: true })).toSorted();
    expect(await server.fails('retry_batch', { batch_id, ...options })).toMatch(says);
    expect(batch.api.creates).toHaveLength(1);
    expect((await readdir(folder, { recursive: true })).toSorted()).toEqual(before);
  });

  test('where all succeeded', async () => {
    const batch = await scriptedBatch({ a: ['ok'] });
    expect(await batch.server.fails('retry_batch', { batch_id: batch.batch_id })).toMatch(
      /^wrong_state: Nothing was sent\. Its task has a finished answer/,
    );
  });

  test('above the owner’s limit, or his budget of the day', async () => {
    for (const [variable, says] of [
      ['BATCH_MCP_MAX_COST_USD', /above the limit/],
      ['BATCH_MCP_DAILY_BUDGET_USD', /daily budget/],
    ] as const) {
      const batch = await scriptedBatch(
        { a: ['expired'] },
        { server: { env: { [variable]: '0.02' } }, submit: { max_tokens: 1_000 } },
      );
      const { server, batch_id } = batch;
      const refused = await server.fails('retry_batch', { batch_id, max_tokens: 100_000 });
      expect(refused).toMatch(says);
      // The batch is as it was, and a smaller retry goes out.
      expect(await server.ok('batch_status', { batch_id })).toMatchObject({
        processing_status: 'ended',
        part_count: 1,
      });
      await retryToTheEnd(batch);
      expect(sentIds(batch.api, 1)).toEqual(['a']);
    }
  });

  test('while an attempt runs', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(['a']) });
    expect(await server.fails('retry_batch', { batch_id })).toMatch(
      /^wrong_state: Nothing was sent\. .* still runs/,
    );
    expect(api.creates).toHaveLength(1);
  });

  test('while a retry runs', async () => {
    const { api, server, batch_id } = await scriptedBatch({ a: ['expired', 'expired'] });
    await server.ok('retry_batch', { batch_id });
    expect(await server.fails('retry_batch', { batch_id })).toMatch(/^wrong_state: .* still runs/);
    expect(api.creates).toHaveLength(2);
  });
});

describe('what was never sent', () => {
  test('is sent as it is, under the same attempt', async () => {
    const api = await startApi({ results: scripted({}) });
    const server = await startCheckedServer({ api });
    api.override('create', json(403, apiError('permission_error', 'not yet')), { times: 1 });
    const told = await server.fails('submit_batch', { requests: prompts(['a', 'b']) });
    expect(told).toMatch(/retry_batch/);
    const [batch_id] = /batch_\w{26}/.exec(told) ?? [];
    expect(await server.fails('retry_batch', { batch_id, outcomes: ['failed'] })).toMatch(/never sent/);

    const dry = await server.ok('retry_batch', { batch_id, dry_run: true });
    expect(dry).toMatchObject({ processing_status: 'not_sent', retry: { attempt: 1, request_count: 2 } });
    expect(await server.fails('retry_batch', { batch_id, max_cost_usd: 0.000001 })).toMatch(/^cost_limit/);
    expect(api.batches).toHaveLength(0);

    const sent = await server.ok('retry_batch', { batch_id });
    expect(sent).toMatchObject({ processing_status: 'in_progress', retry: { attempt: 1, request_count: 2 } });
    api.endAll();
    expect(await server.ok('get_results', { batch_id })).toMatchObject({
      totals: { total: 2, succeeded: 2 },
    });
    expect(await server.ok('batch_status', { batch_id })).not.toHaveProperty('attempts');
  });

  test('of a retry is sent, or gives way to one with other wishes', long, async () => {
    const batch = await scriptedBatch({ a: ['expired', 'ok'], b: ['expired', 'ok'] });
    const { api, server, batch_id } = batch;
    api.override('create', json(403, apiError('permission_error', 'not yet')), { times: 2 });
    expect(await server.ok('retry_batch', { batch_id })).toMatchObject({ processing_status: 'not_sent' });
    expect(await server.ok('retry_batch', { batch_id })).toMatchObject({
      processing_status: 'not_sent',
      retry: { attempt: 2, request_count: 2 },
    });
    expect(await retryToTheEnd(batch, { task_ids: ['b'] })).toMatchObject({
      retry: { attempt: 2, request_count: 1 },
    });
    expect(await outcomesByTask(server, batch_id)).toEqual({ a: 'expired', b: 'succeeded' });
    expect(await server.ok('batch_status', { batch_id })).toMatchObject({
      attempts: [
        { attempt: 1, request_count: 2 },
        { attempt: 2, request_count: 1 },
      ],
    });
  });
});

describe('the results of several attempts', () => {
  test('as a file hold each task once, in every format', async () => {
    const batch = await scriptedBatch({ a: ['expired', 'ok'], b: ['ok'], c: ['cut', 'ok'], d: ['invalid'] });
    const { server, batch_id } = batch;
    await retryToTheEnd(batch);
    const read = async (name: string) => {
      await server.ok('get_results', { batch_id, output_file: name });
      return readFile(path.join(server.work, name), 'utf8');
    };
    const json = JSON.parse(await read('out.json'));
    expect(json.map(({ task_id, success }: Record<string, unknown>) => [task_id, success])).toEqual([
      ['a', true],
      ['b', true],
      ['c', true],
      ['d', false],
    ]);
    const raw = (await read('out.raw.jsonl'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(raw.map(({ custom_id, result }) => [ownId(custom_id), result.message?.content[0].text])).toEqual([
      ['a', 'ok a 2'],
      ['b', 'ok b 1'],
      ['c', 'ok c 2'],
      ['d', undefined],
    ]);
    expect((await read('out.csv')).split('\n')[1]).toMatch(/^a,succeeded,ok a 2,/);
    expect(await read('out.md')).toContain('## c\n\nok c 2');
  });

  test('a file that was written before is written again by itself', long, async () => {
    const batch = await scriptedBatch(
      { a: ['expired', 'ok'], b: ['ok'] },
      { submit: { output_file: 'out.jsonl' } },
    );
    const { server, batch_id } = batch;
    expect((await server.ok('get_results', { batch_id })).output_files).toHaveLength(1);
    await retryToTheEnd(batch);
    expect((await server.ok('get_results', { batch_id })).warnings).toEqual([]);
    expect(await readFile(path.join(server.work, 'out.jsonl'), 'utf8')).toContain('ok a 2');
  });

  test('make a cursor of before stale, as soon as the retry is sent', long, async () => {
    const batch = await scriptedBatch({ a: ['expired', 'ok'], b: ['ok'], c: ['ok'] });
    const { server, batch_id } = batch;
    const page = { batch_id, detail: 'concise', limit: 1 };
    const { next_cursor } = await server.ok('get_results', page);
    expect(await server.ok('get_results', { ...page, cursor: next_cursor })).toMatchObject({
      results: [{ task_id: 'b' }],
    });
    await server.ok('retry_batch', { batch_id });
    const stale = /older results/;
    expect(await server.fails('get_results', { ...page, cursor: next_cursor })).toMatch(stale);
    const second = (await server.ok('get_results', page)).next_cursor;
    batch.api.endAll();
    expect(await server.fails('get_results', { ...page, cursor: second })).toMatch(stale);
    const third = await server.ok('get_results', page);
    expect(third.results).toMatchObject([{ task_id: 'a', outcome: 'succeeded' }]);
  });

  test('are found by outcome and by task', long, async () => {
    const batch = await scriptedBatch({ a: ['expired', 'overloaded'], b: ['ok'], c: ['cut', 'ok'] });
    const { server, batch_id } = batch;
    await retryToTheEnd(batch);
    const { results } = await server.ok('get_results', { batch_id, outcomes: ['errored'] });
    expect(results).toMatchObject([{ task_id: 'a', error: { type: 'overloaded_error', retryable: true } }]);
    const named = await server.ok('get_results', { batch_id, task_ids: ['c', 'b'] });
    expect(named.results).toMatchObject([{ task_id: 'b' }, { task_id: 'c', text: 'ok c 2' }]);
  });
});

test('a read-only server offers no retry', async () => {
  const server = await startCheckedServer({ argv: ['--read-only'] });
  const { tools } = await server.client.listTools();
  expect(tools.map(({ name }) => name)).not.toContain('retry_batch');
});
