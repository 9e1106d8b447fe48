import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createStore } from '../../src/store/files/create-store.ts';
import { follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiHandler, type ApiServer, apiError, hang, json, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { type Reply, startServer, type TestServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';
import { sharedData } from '../shared-data.ts';

const counts = (api: ApiServer) => api.requests.filter((request) => request.path.endsWith('count_tokens'));

/** A token per letter of the prompt, and ten around it. */
const perLetter = (params: Record<string, any>) => 10 + String(params.messages[0].content).length;

function numbered(count: number, letters: (index: number) => number) {
  return Array.from({ length: count }, (_, index) => ({
    task_id: `t${index}`,
    prompt: 'x'.repeat(letters(index)),
  }));
}

describe('with a key', () => {
  test('up to 20 requests are all counted, and the estimate is exact', async () => {
    const api = await startApi({ tokens: perLetter });
    const server = await startCheckedServer({ api });
    const estimate = await server.ok('estimate_cost', {
      requests: numbered(20, (index) => 100 + index),
      model: 'claude-sonnet-5-5',
      max_tokens: 1_000,
      output_tokens_per_request: 200,
    });
    // 20 x 110 + (0 + … + 19) = 2,390 input tokens.
    expect(estimate.tokens.input).toBe(2_390);
    expect(estimate.cost_usd.basis).toBe('exact');
    expect(estimate.rests_on).toBe("the API's count of 20 of 20 requests");
    // (2,390 x 2 + 20 x 200 x 10) / 2 / 1,000,000
    expect(estimate.cost_usd.expected).toBeCloseTo(0.02239, 6);
    // The input one per cent higher: (2,413.9 x 2 + 20 x 1,000 x 10) / 2 / 1,000,000
    expect(estimate.cost_usd.maximum).toBeCloseTo(0.1024139, 6);
    expect(estimate.standard_cost_usd).toBeCloseTo(0.04478, 6);
    expect(counts(api)).toHaveLength(20);
    expect(api.creates).toHaveLength(0);
  });

  test('of more a sample from all over is counted, and the range holds the whole', async () => {
    const api = await startApi({ tokens: perLetter });
    const server = await startServer({ api });
    const letters = (index: number) => 50 + ((index * 37) % 400) + index;
    const estimate = await server.ok('estimate_cost', { requests: numbered(300, letters) });
    const actual = numbered(300, letters).reduce((sum, { prompt }) => sum + 10 + prompt.length, 0);
    expect(estimate.cost_usd.basis).toBe('sampled');
    expect(estimate.rests_on).toMatch(/^the API's count of (1\d|20) of 300 requests/);
    expect(counts(api).length).toBeLessThanOrEqual(20);
    const { input, input_low, input_high } = estimate.tokens;
    expect(input_low).toBeLessThanOrEqual(actual);
    expect(input_high).toBeGreaterThanOrEqual(actual);
    // The high end is no guess from the sample, but what each prompt can take at most.
    expect(input_high / input_low).toBeLessThan(2.5);
    expect(input).toBeGreaterThan(input_low);
  });

  eachNth<[what: string, handler: ApiHandler]>(3, [
    ['refuses', json(400, apiError('invalid_request_error', 'no'))],
    ['is busy', json(529, apiError('overloaded_error', 'busy'))],
    ['never answers', hang],
  ])('an API that %s leaves a tokenizer’s estimate, soon and with a warning', async (_what, handler) => {
    const api = await startApi({ tokens: perLetter });
    api.override('count', handler);
    const server = await startServer({ api });
    const start = performance.now();
    const estimate = await server.ok('estimate_cost', { requests: numbered(40, () => 100) });
    // No call lasts longer, whatever it waits for.
    expect(performance.now() - start).toBeLessThan(25_000);
    expect(estimate.cost_usd.basis).toBe('estimated');
    expect(estimate.warnings.join()).toContain('The API did not count the sample');
    // Each at most once, a few at a time: no storm.
    expect(counts(api).length).toBeLessThanOrEqual(8);
  });
});

describe('expected output', () => {
  const work = (count: number) => ({
    requests: ids(count).map((task_id) => ({
      task_id,
      task_type: 'analyze_logs',
      input_data: { logs: task_id },
    })),
    max_tokens: 2_000,
  });

  test('is what earlier batches of the same type and model took', async () => {
    const api = await startApi({
      results: (requests) =>
        requests.map((request) =>
          succeeded(request, 'answer', { usage: { input_tokens: 10, output_tokens: 321 } }),
        ),
    });
    const server = await startServer({ api });
    const before = await server.ok('estimate_cost', work(10));
    const { batch_id } = await server.ok('submit_batch', work(10));
    api.endAll();
    await server.ok('get_results', { batch_id });

    const after = await server.ok('estimate_cost', work(20));
    expect(before.tokens.expected_output).not.toBe(3_210);
    expect(after.tokens.expected_output).toBe(20 * 321);
    expect(after.tokens.maximum_output).toBe(20 * 2_000);
    // Another model's answers tell nothing.
    const other = await server.ok('estimate_cost', { ...work(10), model_tier: 'cheap' });
    expect(other.tokens.expected_output).toBe(before.tokens.expected_output);
    const given = await server.ok('estimate_cost', { ...work(10), output_tokens_per_request: 50 });
    expect(given.tokens.expected_output).toBe(500);
    // No answer is longer than max_tokens.
    const capped = await server.ok('estimate_cost', { ...work(10), output_tokens_per_request: 9_999 });
    expect(capped.tokens.expected_output).toBe(20_000);
  });
});

describe('the dry run', () => {
  test('says what submitting would refuse, by the same figures', async () => {
    const api = await startApi();
    const server = await startServer({
      api,
      env: { BATCH_MCP_MAX_COST_USD: '0.001', BATCH_MCP_DAILY_BUDGET_USD: '0.0005' },
    });
    const work = { requests: prompts(ids(3)), max_tokens: 10_000 };
    const { warnings, cost_usd, next_step } = await server.ok('estimate_cost', work);
    expect(next_step).toMatch(/^submit_batch would refuse it/);
    expect(warnings.join()).toContain('above the limit of $0.0010 for one submission');
    expect(warnings.join()).toContain("left of today's budget of $0.00050");
    expect(await server.fails('submit_batch', work)).toContain(`up to $${cost_usd.maximum.toFixed(2)}`);
  });

  test('takes no figures beside tasks', async () => {
    const server = await startServer();
    const text = await server.fails('estimate_cost', { requests: prompts(['a']), request_count: 5 });
    expect(text).toContain('request_count: is given together with tasks');
    expect(await server.fails('estimate_cost', { request_count: 5 })).toContain(
      'input_tokens_per_request: is missing',
    );
  });

  test.each([
    ['2026-11-20', 'claude-sonnet-4-5', /claude-sonnet-4-5 will be retired on 2026-11-30/],
    ['2026-12-10', 'claude-opus-4-5', /claude-opus-4-5 will be retired on 2027-01-22/],
    ['2026-11-20', 'claude-sonnet-5-5', /^$/],
    ['2026-12-01', 'claude-sonnet-4-5', /claude-sonnet-4-5 was retired on 2026-11-30/],
  ])('of figures on %s says how long %s is served', async (today, model, says) => {
    const server = await startServer({ now: () => new Date(today) });
    const figures = { request_count: 9, input_tokens_per_request: 9, output_tokens_per_request: 9 };
    const { isError, text, reply } = await server.call('estimate_cost', { ...figures, model });
    expect(isError ? text : reply.warnings.join('')).toMatch(says);
  });
});

/** What a sandbox batch of this work really took, by its record. */
async function actualInput(server: TestServer, work: object): Promise<number> {
  const { batch_id } = await server.ok('submit_batch', { ...work, sandbox: true });
  await follow(server, batch_id);
  const record = await createStore({ path: server.data, log: () => {} })
    .record(batch_id)
    .read();
  const usage = record?.parts.flatMap(({ progress }) =>
    progress.state === 'created' ? (progress.results?.usage ?? []) : [],
  );
  const input = usage?.reduce((sum, { input_tokens }) => sum + input_tokens, 0) ?? 0;
  expect(input).toBeGreaterThan(0);
  return input;
}

function expectHeld({ tokens, cost_usd }: Reply, actual: number) {
  expect(cost_usd.basis).toBe('estimated');
  expect(actual).toBeGreaterThanOrEqual(tokens.input_low);
  expect(actual).toBeLessThanOrEqual(tokens.input_high);
}

const models = ['claude-sonnet-5-5', 'claude-sonnet-4-6'];

describe('the range of real work holds what it takes', () => {
  const questions = sharedData('banking77/test.csv');
  const logs = sharedData('logs/Apache_2k.log');

  test.for(models)('3,080 questions, %s', long, async (model, { skip }) => {
    if (questions.missing) skip(questions.missing);
    const rows = parseCsv(await readFile(questions.file, 'utf8')).slice(1);
    const requests = rows.map(([prompt], index) => ({ task_id: `q${index}`, prompt }));
    expect(requests).toHaveLength(3_080);
    const server = await startServer({ argv: ['--sandbox'] });
    const file = path.join(server.work, 'questions.json');
    await writeFile(file, JSON.stringify(requests));
    const work = { requests_file: file, model, max_tokens: 100 };
    expectHeld(await server.ok('estimate_cost', work), await actualInput(server, work));
  });

  test.for(models)('20 chunks of a log, %s', async (model, { skip }) => {
    if (logs.missing) skip(logs.missing);
    const lines = (await readFile(logs.file, 'utf8')).trim().split('\n');
    const requests = Array.from({ length: 20 }, (_, index) => ({
      task_id: `chunk${index}`,
      task_type: 'analyze_logs',
      input_data: { logs: lines.slice(index * 100, index * 100 + 100).join('\n') },
    }));
    const server = await startServer({ argv: ['--sandbox'] });
    const work = { requests, model };
    expectHeld(await server.ok('estimate_cost', work), await actualInput(server, work));
  });
});

describe('an estimate that takes longer than a call may', () => {
  /** The next three requests are not counted until the function that this gives is called. */
  function holdCounts(api: ApiServer): () => void {
    const releases = Array.from({ length: 3 }, () => api.hold('count'));
    return () => {
      for (const release of releases) release();
    };
  }

  test('goes on, and is there for the same call again', async () => {
    const api = await startApi({ tokens: perLetter });
    const server = await startCheckedServer({ api, limits: { callMs: 100 } });
    const release = holdCounts(api);
    const work = { requests: prompts(ids(3)), model_tier: 'cheap' };
    expect(await server.fails('estimate_cost', work)).toMatch(/still being checked.*estimate_cost again/s);
    release();
    await expect.poll(() => server.ok('estimate_cost', work)).toMatchObject({ request_count: 3 });
    expect(counts(api)).toHaveLength(3);
    holdCounts(api);
    // It was handed over, and the next one is made anew.
    expect(await server.fails('estimate_cost', work)).toContain('still being checked');
  });

  test('goes on for one call when another that waits for it is cancelled', async () => {
    const api = await startApi({ tokens: perLetter });
    const server = await startCheckedServer({ api });
    const release = holdCounts(api);
    const work = { requests: prompts(ids(3)), model_tier: 'cheap' };
    const cancelling = new AbortController();
    const call = server.client.callTool({ name: 'estimate_cost', arguments: work }, undefined, {
      signal: cancelling.signal,
    });
    const cancelled = expect(call).rejects.toThrow('cancelled by the user');
    const other = server.ok('estimate_cost', work);
    await expect.poll(() => counts(api)).toHaveLength(3);
    cancelling.abort('cancelled by the user');
    await cancelled;
    release();
    expect(await other).toMatchObject({ request_count: 3, cost_usd: { basis: 'exact' } });
    expect(counts(api)).toHaveLength(3);
  });

  test('tells what is wrong with the work all the same', async () => {
    const server = await startServer({ limits: { callMs: 0 } });
    const work = { requests: [{ task_id: 'a', prompt: 'A', model: 'claude-none' }] };
    await expect.poll(() => server.fails('estimate_cost', work)).toContain('claude-none');
  });
});
