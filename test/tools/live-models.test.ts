import { describe, expect, test } from 'vitest';
import { prompts, startApi } from '../api.ts';
import { apiError, json } from '../api-server.ts';
import { type ServerOptions, startServer, temporaryFolder } from '../harness.ts';
import { eachNth } from '../long.ts';

const listed = (id: string, more: object = {}) => ({
  type: 'model',
  id,
  line: 'sonnet',
  lifecycle: 'active',
  retires_at: null,
  max_input_tokens: 1_000_000,
  max_tokens: 128_000,
  capabilities: { batch: { supported: true } },
  ...more,
});

const work = { requests: prompts(['a', 'b']), model: 'claude-sonnet-5-5', max_tokens: 1_000 };

async function serverWith(models: object[] | undefined, options: ServerOptions = {}) {
  const api = await startApi({ ...(models && { models }) });
  const server = await startServer({ api, ...options });
  const looks = () => api.requests.filter((request) => request.path.startsWith('/v1/models'));
  return { api, server, looks };
}

describe('the API’s word on a model', () => {
  eachNth(3, [
    ['active', {}, ''],
    [
      'deprecated',
      { lifecycle: 'deprecated', retires_at: '2027-05-05T00:00:00Z' },
      'claude-sonnet-5-5 is deprecated and will be retired on 2027-05-05',
    ],
    [
      'deprecated without a date',
      { lifecycle: 'deprecated' },
      'claude-sonnet-5-5 is deprecated and will be retired on a date not announced yet',
    ],
    [
      'about to go',
      { lifecycle: 'deprecated', retires_at: '2026-12-05T00:00:00Z' },
      'claude-sonnet-5-5 will be retired on 2026-12-05',
    ],
    ['of strange words', { lifecycle: 'immortal', capabilities: 7, max_tokens: 'many' }, ''],
  ])('%s lets the work through', async (_what, more, warning) => {
    const { server } = await serverWith([listed('claude-sonnet-5-5', more)], {
      now: () => new Date('2026-11-22T12:00:00Z'),
    });
    const { warnings } = await server.ok('submit_batch', work);
    expect(warnings.join()).toBe(warning);
  });

  test.each([
    [
      'retired',
      { lifecycle: 'retired', retires_at: '2026-11-01T00:00:00Z' },
      /model: claude-sonnet-5-5 was retired on 2026-11-01. Valid: a model that is still served, such as claude-sonnet-5 \(2 dollars per million input tokens and 10 per million output, half of that in a batch\)/,
    ],
    [
      'without batches',
      { capabilities: { batch: { supported: false } } },
      /claude-sonnet-5-5 takes no batches/,
    ],
    [
      'of short answers',
      { max_tokens: 500 },
      /max_tokens: is more than claude-sonnet-5-5 can answer \(2 tasks\)\. Valid: at most 500/,
    ],
  ])('%s refuses the work before anything is sent', async (_what, more, problem) => {
    const { api, server } = await serverWith([listed('claude-sonnet-5-5', more)]);
    expect(await server.fails('submit_batch', work)).toMatch(problem);
    expect(await server.fails('estimate_cost', work)).toMatch(problem);
    expect(api.creates).toHaveLength(0);
  });

  test('that it does not list one is worth a warning', async () => {
    const { server } = await serverWith([listed('claude-opus-5-5')]);
    const { warnings } = await server.ok('submit_batch', work);
    expect(warnings.join()).toContain('The API does not list claude-sonnet-5-5');
  });

  test('is asked once a day, for all servers of a data folder', async () => {
    const folder = await temporaryFolder();
    let time = Date.now();
    const now = () => new Date(time);
    const { api, server, looks } = await serverWith([listed('claude-sonnet-5-5')], { folder, now });
    await server.ok('estimate_cost', work);
    await server.ok('submit_batch', work);
    const second = await startServer({ api, folder, now });
    await second.ok('estimate_cost', work);
    expect(looks()).toHaveLength(1);
    expect(looks()[0]?.path).toContain('retired');
    time += 25 * 60 * 60 * 1000;
    await second.ok('estimate_cost', work);
    expect(looks()).toHaveLength(2);
  });

  test('that can’t be had stops nothing, and is not asked for again at once', async () => {
    const { api, server, looks } = await serverWith([listed('claude-sonnet-5-5')]);
    api.override('models', json(500, apiError('api_error', 'no')));
    await server.ok('estimate_cost', work);
    await server.ok('submit_batch', work);
    expect(looks()).toHaveLength(1);
  });
});

describe('without the API', () => {
  test('the dates of the table serve, and an old table says so', async () => {
    const server = await startServer({ argv: ['--sandbox'], now: () => new Date('2027-03-01T00:00:00Z') });
    const old = await server.ok('estimate_cost', { ...work, model: 'claude-haiku-5-5' });
    expect(old.warnings.join()).toContain('The built-in prices are of 2026-11-22, 99 days ago');
    expect(await server.fails('estimate_cost', { ...work, model: 'claude-sonnet-4-5' })).toContain(
      'claude-sonnet-4-5 was retired on 2026-11-30. Valid: a model that is still served, such as claude-sonnet-5-5 (2 dollars',
    );
  });

  test('a young table says nothing', async () => {
    const server = await startServer({ argv: ['--sandbox'], now: () => new Date('2027-02-20T00:00:00Z') });
    expect((await server.ok('estimate_cost', work)).warnings.join()).not.toContain('built-in prices');
  });
});
