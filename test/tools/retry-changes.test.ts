import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { endedBatch, follow, prompts, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, apiError, errored, json, succeeded } from '../api-server.ts';
import { eachNth, long } from '../long.ts';
import { outcomesByTask, retryToTheEnd, scriptedBatch, sentIds, sentParams } from '../retry.ts';
import { unsummed } from '../store/unsummed.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const contentOf = ({ messages }: Record<string, unknown>) =>
  (messages as { content: unknown }[]).at(-1)?.content;

describe('retry_batch says', () => {
  const task = { task_id: 'a', prompt: '{{word}}', input_data: { word: 'x' } };
  const own = { ...task, system: 'own', max_tokens: 9, effort: 'low', model: 'claude-haiku-5-5' };
  const native = {
    custom_id: 'a',
    params: { model: 'claude-haiku-5-5', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] },
  };
  const none = (name: string) => `The shared ${name} is not used by the one task`;
  eachNth<[what: string, options: object, says: string[]]>(18, [
    ['{{word}} in system', { system: 'Be {{word}}' }, ['{{word}} in system is sent unchanged']],
    ['{word} in system', { system: 'Be {word}' }, ['{word} in system is sent unchanged']],
    ['<word> in system, a tag', { system: 'Be <word>' }, []],
    ['{{other}} in system', { system: 'Be {{other}}' }, ['{{other}} in system is sent unchanged']],
    [
      'a place in system beside a correction',
      { system: 'Be {{word}}', requests: [task] },
      ['{{word}} in system is sent unchanged'],
    ],
    ['%word% in prompt', { prompt: 'Say %word%' }, ['%word% in the prompt is sent unchanged']],
    ['system beside a native request', { requests: [native], system: 'S' }, [none('system')]],
    [
      'effort, model',
      { requests: [native], effort: 'low', model: 'claude-opus-5-5' },
      [none('model'), none('effort')],
    ],
    [
      'all that it sets itself',
      { requests: [own], system: 'S', max_tokens: 5, effort: 'high', prompt: 'P', model_tier: 'cheap' },
      ['prompt', 'system', 'model_tier', 'effort', 'max_tokens'].map(none),
    ],
    ['what it takes', { requests: [task], system: 'S', max_tokens: 5 }, []],
    ['what is sent again takes', { system: 'S', max_tokens: 500, effort: 'low' }, []],
  ])('of %s', async (_what, options, says) => {
    const batch = await scriptedBatch({ a: ['overloaded', 'ok'] }, { requests: [task] });
    const { warnings } = await batch.server.ok('retry_batch', {
      batch_id: batch.batch_id,
      dry_run: true,
      ...options,
    });
    expect(warnings).toEqual(says.map((said) => expect.stringContaining(said)));
  });
});

describe('retry_batch with another', () => {
  const schema = { type: 'object', properties: { n: { type: 'number' } } };

  it('system', long, async () => {
    const batch = await scriptedBatch({ a: ['overloaded', 'ok'] }, { submit: { system: 'old' } });
    await retryToTheEnd(batch, { system: 'new' });
    expect(sentParams(batch.api, 1, 'a')).toEqual({ ...sentParams(batch.api, 0, 'a'), system: 'new' });
  });

  it('output_schema, beside the effort that it was sent with', long, async () => {
    const batch = await scriptedBatch({ a: ['overloaded', 'json'] }, { submit: { effort: 'high' } });
    await retryToTheEnd(batch, { output_schema: { ...schema, properties: { time: { type: 'number' } } } });
    expect(sentParams(batch.api, 1, 'a').output_config).toMatchObject({
      effort: 'high',
      format: { type: 'json_schema', schema: { additionalProperties: false } },
    });
    const { results } = await batch.server.ok('get_results', { batch_id: batch.batch_id });
    expect(results).toMatchObject([{ outcome: 'succeeded', json: { time: 2 } }]);
  });

  eachNth(3, [
    ['prompt with places', 'Say {{word}}!', 'Say x!'],
    ['prompt without places', 'Say it.', 'Say it.\n\n<word>\nx\n</word>'],
  ])('%s, over input_data', async (_what, prompt, content) => {
    const requests = [{ task_id: 'a', input_data: { word: 'x' } }];
    const batch = await scriptedBatch(
      { a: ['refused', 'ok'] },
      { requests, submit: { prompt: 'Old {{word}}' } },
    );
    await retryToTheEnd(batch, { prompt, error_types: ['refusal'], model: 'claude-opus-4-8' });
    expect(contentOf(sentParams(batch.api, 1, 'a'))).toBe(content);
    expect(sentParams(batch.api, 1, 'a').model).toBe('claude-opus-4-8');
  });

  it('prompt, over rows', long, async () => {
    const api = await startApi({
      results: (requests) => requests.map((request) => errored(request, 'api_error', 'Oh.')),
    });
    const server = await startCheckedServer({ api });
    await writeFile(path.join(server.work, 'r.csv'), 'id,text\n1,hello\n2,bye\n');
    const work = { rows_file: 'r.csv', id_column: 'id', prompt: 'Label {{text}}' };
    const { batch_id } = await server.ok('submit_batch', work);
    api.endAll();
    await follow(server, batch_id);
    await server.ok('retry_batch', { batch_id, prompt: 'Sum up {{text}} of {{id}}' });
    expect(api.creates[1]?.requests.map(({ params }) => contentOf(params))).toEqual([
      'Sum up hello of 1',
      'Sum up bye of 2',
    ]);
  });

  it(
    'schema than an older version sent: as structured output takes it, and checked whole',
    long,
    async () => {
      const described = '"description":"abcdefgh"';
      const n = { type: 'integer', description: 'abcdefgh' };
      const output_schema = { type: 'object', properties: { n }, required: ['n'] };
      const answers = (request: ApiRequest) => succeeded(request, '{"n":-1}');
      const fates = [(request: ApiRequest) => errored(request, 'invalid_request_error', 'minimum'), answers];
      const batch = await endedBatch(prompts(['a']), (requests) => requests.map(fates.shift() ?? answers), {
        submit: { output_schema },
      });
      const folder = path.join(batch.server.data, 'batches', batch.batch_id);
      const body = path.join(folder, 'part-0001.requests.json');
      const sent = await readFile(body, 'utf8');
      const sentThen = sent.replace(described, '"minimum":1'.padEnd(described.length));
      await writeFile(body, sentThen);
      for (const name of await readdir(path.join(folder, 'record'))) {
        const revision = path.join(folder, 'record', name);
        const record = unsummed(await readFile(revision, 'utf8'));
        await writeFile(revision, record.replace(sha256(sent), sha256(sentThen)));
      }
      const { warnings } = await retryToTheEnd(batch, { task_ids: ['a'] });
      expect(warnings).toContainEqual(expect.stringContaining('properties.n.minimum'));
      expect(sentParams(batch.api, 1, 'a').output_config).toMatchObject({
        format: { schema: { properties: { n: { type: 'integer', description: '{minimum: 1}' } } } },
      });
    },
  );

  it('prompt, in which a place is written as other programs do', long, async () => {
    const requests = [{ task_id: 'a', input_data: { word: 'x' } }];
    const batch = await scriptedBatch(
      { a: ['overloaded', 'ok'] },
      { requests, submit: { prompt: '{{word}}' } },
    );
    const { warnings } = await retryToTheEnd(batch, { prompt: 'Say {word}' });
    expect(warnings).toEqual(['{word} in the prompt is sent unchanged: did you mean {{word}}?']);
  });

  eachNth<[options: object, says: string]>(4, [
    [
      { prompt: 'x' },
      'task 1 (a): prompt: goes with rows and input_data, and none of that is kept of this task',
    ],
    [{ output_schema: { type: 'string' } }, 'output_schema.type'],
    [{ system: 'half \ud83d' }, 'system: holds half of a character'],
    [{ effort: 'lots' }, 'effort'],
  ])('%j is refused where it cannot be', async (options, says) => {
    const batch = await scriptedBatch({ a: ['overloaded', 'ok'] });
    expect(await batch.server.fails('retry_batch', { batch_id: batch.batch_id, ...options })).toContain(says);
    expect(batch.api.creates).toHaveLength(1);
  });
});

describe('replace', () => {
  it('pays for finished answers again', async () => {
    const batch = await scriptedBatch({ a: ['ok', 'ok'], b: ['ok', 'ok'], c: ['invalid', 'ok'] });
    await retryToTheEnd(batch, { replace: true, model: 'claude-opus-5-5' });
    expect(sentIds(batch.api, 1).length).toBe(3);
  });

  it('of those that are named', long, async () => {
    const batch = await scriptedBatch({ a: ['ok', 'ok'], b: ['ok'], c: ['invalid'] });
    await retryToTheEnd(batch, { replace: true, task_ids: ['a'] });
    expect(batch.api.creates[1]?.requests).toHaveLength(1);
    const { batch_id, server } = batch;
    const { results } = await server.ok('get_results', { batch_id, task_ids: ['a', 'b'], detail: 'full' });
    expect(results).toMatchObject([{ attempt: 2 }, { attempt: 1 }]);
  });

  it('and without it none', long, async () => {
    const batch = await scriptedBatch({ a: ['ok'] });
    expect(await batch.server.fails('retry_batch', { batch_id: batch.batch_id, task_ids: ['a'] })).toContain(
      'replace: true',
    );
  });
});

describe('corrections in a requests_file', () => {
  const good = '{"task_id":"a","prompt":"new a"}';
  eachNth(2, [
    ['c.jsonl', `${good}\n`],
    ['c.json', `[${good}]`],
  ])('from %s', async (name, content) => {
    const batch = await scriptedBatch({ a: ['invalid', 'ok'], b: ['ok'] });
    await writeFile(path.join(batch.server.work, name), content);
    await retryToTheEnd(batch, { requests_file: name });
    expect(contentOf(batch.api.creates[1]?.requests[0]?.params ?? {})).toBe('new a');
    expect(batch.api.creates[1]?.requests).toHaveLength(1);
    expect(await outcomesByTask(batch.server, batch.batch_id)).toEqual({ a: 'succeeded', b: 'succeeded' });
  });

  eachNth(8, [
    ['c.jsonl', '{"task_id":"zz","prompt":"x"}', 'line 1 (zz): task_id: "zz" is not a task of this batch'],
    ['c.jsonl', `${good}\n${good}`, 'line 2 (a): task_id: is the same as that of line 1'],
    ['c.jsonl', '{"task_id":"a","prompt":"half \\ud83d"}', 'line 1 (a): prompt: holds half'],
    ['c.jsonl', '{\n"task_id": "a"\n}', 'pretty-printed'],
    ['c.json', good, 'does not hold an array'],
    ['c.json', '[]', 'requests_file: holds no tasks. Valid: at least one task'],
    ['c.jsonl', '\n \n', 'requests_file: holds no tasks'],
    ['c.csv', good, 'unknown ending'],
  ])('%s with %j is refused', async (name, content, says) => {
    const batch = await scriptedBatch({ a: ['invalid'] });
    await writeFile(path.join(batch.server.work, name), content);
    const text = await batch.server.fails('retry_batch', { batch_id: batch.batch_id, requests_file: name });
    expect(text).toContain(says);
    expect(batch.api.creates).toHaveLength(1);
  });
});

it('a task that stands in requests and in the requests_file is refused', long, async () => {
  const batch = await scriptedBatch({ a: ['invalid'], b: ['invalid'] });
  await writeFile(
    path.join(batch.server.work, 'c.jsonl'),
    '{"task_id":"b","prompt":"x"}\n{"task_id":"a","prompt":"y"}',
  );
  const requests = [{ task_id: 'a', prompt: 'z' }];
  const { batch_id } = batch;
  expect(await batch.server.fails('retry_batch', { batch_id, requests_file: 'c.jsonl', requests })).toContain(
    'line 2 (a): task_id: is the same as that of requests[0]',
  );
});

describe('a batch that the API refused', () => {
  async function refused(requests: object[], options: object = {}) {
    const api = await startApi();
    api.override('create', json(400, apiError('invalid_request_error', 'no')), { times: 1 });
    const server = await startCheckedServer({ api, ...options });
    const { batch_id, processing_status } = await server.ok('submit_batch', { requests });
    expect(processing_status).toBe('not_sent');
    return { api, server, batch_id };
  }
  const tasks = ['a', 'b', 'c'].map((task_id) => ({ task_id, prompt: `old ${task_id}` }));
  const allSucceeded = { a: 'succeeded', b: 'succeeded', c: 'succeeded' };

  it('is mended by corrections, and sent whole', async () => {
    const { api, server, batch_id } = await refused(tasks);
    const before = (await server.ok('batch_status', { batch_id })).cost_usd;
    await server.ok('retry_batch', { batch_id, requests: [{ task_id: 'b', prompt: 'new b' }] });
    expect(api.creates[1]?.requests.map(({ params }) => contentOf(params))).toEqual([
      'old a',
      'new b',
      'old c',
    ]);
    api.endAll();
    await follow(server, batch_id);
    expect(await outcomesByTask(server, batch_id)).toEqual(allSucceeded);
    const status = await server.ok('batch_status', { batch_id });
    expect(status.outcomes).toMatchObject({ succeeded: 3, pending: 0 });
    // What was never sent is not counted twice.
    expect(status.cost_usd.maximum).toBeCloseTo(before.maximum, 3);
  });

  eachNth(12, [
    ['a model', { model: 'claude-haiku-5-5' }, { model: 'claude-haiku-5-5' }],
    ['a system prompt', { system: 'S' }, { system: 'S' }],
  ])('is mended by %s', async (_what, options, params) => {
    const { api, server, batch_id } = await refused(tasks);
    await server.ok('retry_batch', { batch_id, ...options });
    expect(api.creates[1]?.requests).toHaveLength(3);
    for (const request of api.creates[1]?.requests ?? []) expect(request.params).toMatchObject(params);
  });

  it('is sent as it is without changes', async () => {
    const { api, server, batch_id } = await refused(tasks);
    await server.ok('retry_batch', { batch_id });
    expect(api.creates[1]).toEqual(api.creates[0]);
  });

  eachNth<[what: string, options: object, factor: number]>(9, [
    ['nothing', {}, 1],
    ['corrections of all', { requests: tasks.map((task) => ({ ...task, prompt: 'new' })) }, 1],
    ['a cheaper model', { model: 'claude-haiku-5-5' }, 0.05],
    ['shorter answers', { max_tokens: 1_024 }, 0.25],
  ])('is priced by what is sent in its place: %s', async (_what, options, factor) => {
    const { api, server, batch_id } = await refused(tasks);
    const before = (await server.ok('batch_status', { batch_id })).cost_usd;
    await server.ok('retry_batch', { batch_id, ...options });
    api.endAll();
    await follow(server, batch_id);
    const { maximum } = (await server.ok('batch_status', { batch_id })).cost_usd;
    expect(maximum / before.maximum).toBeCloseTo(factor, 2);
  });

  it('is priced once when it is refused and mended twice', long, async () => {
    const { api, server, batch_id } = await refused(tasks);
    const before = (await server.ok('batch_status', { batch_id })).cost_usd;
    api.override('create', json(400, apiError('invalid_request_error', 'no')), { times: 1 });
    for (const prompt of ['new', 'newer']) {
      await server.ok('retry_batch', { batch_id, requests: [{ task_id: 'a', prompt }] });
    }
    expect(api.creates).toHaveLength(3);
    api.endAll();
    await follow(server, batch_id);
    const { maximum } = (await server.ok('batch_status', { batch_id })).cost_usd;
    expect(maximum / before.maximum).toBeCloseTo(1, 2);
  });

  it('in part, and again when that is mended, loses no task and pays for none twice', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api, limits: { partRequests: 2 } });
    api.override('create', (_request, _response, pass) => pass(), { times: 1, after: true });
    api.override('create', json(400, apiError('invalid_request_error', 'no')), { times: 2 });
    const { batch_id } = await server.ok('submit_batch', { requests: tasks });
    api.endAll();
    await follow(server, batch_id, ({ outcomes }) => outcomes.succeeded === 2);
    for (const prompt of ['new c', 'newer c']) {
      await server.ok('retry_batch', { batch_id, requests: [{ task_id: 'c', prompt }] });
    }
    api.endAll();
    await follow(server, batch_id);
    expect(await outcomesByTask(server, batch_id)).toEqual(allSucceeded);
    expect(api.creates.map(({ requests }) => requests.map(({ params }) => contentOf(params)))).toEqual([
      ['old a', 'old b'],
      ['old c'],
      ['new c'],
      ['newer c'],
    ]);
  });

  it('says by a dry run what would be sent', async () => {
    const { api, server, batch_id } = await refused(tasks);
    const options = { batch_id, dry_run: true, requests: [{ task_id: 'a', prompt: 'new' }] };
    const { retry } = await server.ok('retry_batch', options);
    expect(retry).toMatchObject({ attempt: 1, request_count: 3, outcomes: { pending: 3 } });
    expect(api.creates).toHaveLength(1);
  });

  it('has nothing to choose by', async () => {
    const { server, batch_id } = await refused(tasks);
    expect(await server.fails('retry_batch', { batch_id, task_ids: ['a'] })).toMatch(
      /^wrong_state.*never sent/,
    );
  });
});
