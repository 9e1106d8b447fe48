import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startApi } from '../api.ts';
import type { ApiServer } from '../api-server.ts';
import { startServer, type TestServer } from '../harness.ts';
import { eachNth } from '../long.ts';
import { type Arguments, heard, leftBehind } from './refusal.ts';

const unknown = 'batch_01JD000000000000000000000Z';
const remote = 'msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d';

async function startWithApi(): Promise<TestServer & { api: ApiServer }> {
  const api = await startApi({ endsAtOnce: true });
  return { ...(await startServer({ api })), api };
}

/** A server with one batch of two answers. */
async function startWithBatch() {
  const server = await startWithApi();
  const requests = ['a', 'b'].map((task_id) => ({ task_id, prompt: 'Hi' }));
  const { batch_id } = await server.ok('submit_batch', { requests });
  await server.ok('get_results', { batch_id });
  return { ...server, batchId: String(batch_id) };
}

describe('before any batch', () => {
  const rows: [what: string, tool: string, args: Arguments, ...says: string[]][] = [
    ['no batch_id', 'batch_status', {}, 'batch_id: is missing', 'a string'],
    ['a null batch_id', 'get_results', { batch_id: null }, 'batch_id: is missing'],
    ['a number for a batch_id', 'cancel_batch', { batch_id: 5 }, 'batch_id: is not the id', 'list_batches'],
    ['an empty batch_id', 'batch_status', { batch_id: '' }, 'batch_id: ', 'list_batches'],
    ['a batch_id of another form', 'get_results', { batch_id: 'job-17' }, 'batch_id: ', 'list_batches'],
    [
      'a batch_id in lower case',
      'batch_status',
      { batch_id: unknown.toLowerCase() },
      'batch_id: ',
      'batch_…',
    ],
    [
      'a path for a batch_id',
      'cancel_batch',
      { batch_id: 'batch_../../etc/passwd' },
      'batch_id: ',
      'batch_…',
    ],
    ['an unknown batch, looked at', 'batch_status', { batch_id: unknown }, 'not_found', 'list_batches'],
    ['an unknown batch, read', 'get_results', { batch_id: unknown }, 'not_found', 'list_batches'],
    ['an unknown batch, canceled', 'cancel_batch', { batch_id: unknown }, 'not_found', 'list_batches'],
    [
      'waiting backwards',
      'batch_status',
      { batch_id: unknown, wait_seconds: -1 },
      'wait_seconds: is too small',
      'at least 0',
    ],
    [
      'a key mistyped',
      'get_results',
      { batch_id: unknown, ouput_file: 'a.csv' },
      'did you mean "output_file"?',
    ],
    [
      'a key of another tool',
      'cancel_batch',
      { batch_id: unknown, force: true },
      'force: unknown key',
      'batch_id',
    ],
    ['a page of none', 'get_results', { batch_id: unknown, limit: 0 }, 'limit: is too small', 'at least 1'],
    ['half an answer', 'get_results', { batch_id: unknown, limit: 1.5 }, 'limit: is not a whole number'],
    [
      'an unknown detail',
      'get_results',
      { batch_id: unknown, detail: 'all' },
      'detail: ',
      'summary, concise, full',
    ],
    [
      'an unknown outcome',
      'get_results',
      { batch_id: unknown, outcomes: ['failure'] },
      'outcomes[0]: ',
      'errored',
      'failed',
    ],
    [
      'an output_file in no folder',
      'get_results',
      { batch_id: unknown, output_file: 'none/a.csv' },
      'not_found',
      'no folder at',
    ],
    [
      'an output_file of another ending',
      'get_results',
      { batch_id: unknown, output_file: 'a.html' },
      'output_file: ',
      '.raw.jsonl',
    ],
    [
      'an output_file outside',
      'get_results',
      { batch_id: unknown, output_file: '/etc/a.csv' },
      'not_allowed',
      'outside',
    ],
    ['a day that is none', 'list_batches', { since: 'someday' }, 'since: ', '2026-11-22'],
    ['a day that no month has', 'list_batches', { since: '2026-02-30' }, 'since: ', '2026-11-22'],
    ['a month that is none', 'list_batches', { until: '2026-13-01' }, 'until: ', '2026-11-22'],
    [
      'a status that is none',
      'list_batches',
      { processing_status: 'done' },
      'processing_status: ',
      'in_progress',
    ],
    ['a list of none', 'list_batches', { limit: 0 }, 'limit: is too small', 'at least 1'],
    ['a cursor made up, for a list', 'list_batches', { cursor: 'abc' }, 'cursor: ', 'next_cursor'],
    [
      'figures without their like',
      'estimate_cost',
      { request_count: 5 },
      'input_tokens_per_request: is missing',
      'go together',
    ],
    [
      'figures of nothing',
      'estimate_cost',
      { request_count: 0, input_tokens_per_request: 1, output_tokens_per_request: 1 },
      'request_count: is too small',
    ],
  ];
  it.each(rows)('%s', async (_, tool, args, ...says) => {
    const server = await startWithApi();
    const text = await server.fails(tool, args);
    for (const part of says) expect(text).toContain(part);
    expect(heard(server.api)).toEqual([]);
    expect(await leftBehind(server.data)).toEqual([]);
  });

  it.each(['batch_status', 'get_results', 'cancel_batch'])(
    'an id of the API that nobody knows: %s',
    async (tool) => {
      const server = await startWithApi();
      const text = await server.fails(tool, { batch_id: remote });
      expect(text).toContain('not_found');
      expect(text).toContain(remote);
      expect(await leftBehind(server.data)).toEqual([]);
    },
  );
});

describe('of a batch that has ended', () => {
  const made = Buffer.from('{"of":"batch","next":0}').toString('base64url');
  const rows: [what: string, args: Arguments, ...says: string[]][] = [
    ['a cursor made up', { cursor: 'next' }, 'cursor: is not one that this server gave', 'next_cursor'],
    ['a cursor of something else', { cursor: made }, 'cursor: is for another batch', 'without a cursor'],
    [
      'a cursor for a summary',
      { cursor: made, detail: 'summary' },
      'cursor: does not go with detail summary',
      'concise',
    ],
    [
      'unknown task_ids',
      { task_ids: ['a', 'x', 'y'] },
      '2 of the task_ids are not in this batch',
      '"x" is not a task of this batch',
      '"y"',
    ],
  ];
  it.each(rows)('%s', async (_, args, ...says) => {
    const server = await startWithBatch();
    const text = await server.fails('get_results', { batch_id: server.batchId, ...args });
    for (const part of says) expect(text).toContain(part);
  });

  it('a cursor of other filters', async () => {
    const server = await startWithBatch();
    const { next_cursor } = await server.ok('get_results', { batch_id: server.batchId, limit: 1 });
    const args = { batch_id: server.batchId, cursor: next_cursor, outcomes: ['succeeded'] };
    expect(await server.fails('get_results', args)).toContain('cursor: is for another batch, other filters');
  });

  it.each([
    ['that exists', {}, 'already_exists', 'overwrite: true'],
    [
      'that is not ours, to be overwritten',
      { overwrite: true },
      'not_allowed',
      'was not written by this server',
    ],
  ])('an output_file %s', async (_, args, ...says) => {
    const server = await startWithBatch();
    await writeFile(path.join(server.work, 'out.csv'), 'a diary');
    const text = await server.fails('get_results', {
      batch_id: server.batchId,
      output_file: 'out.csv',
      ...args,
    });
    for (const part of says) expect(text).toContain(part);
  });

  it('an output_file that is a folder, before anything is downloaded', async () => {
    const server = await startWithApi();
    const { batch_id } = await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'Hi' }] });
    const seen = server.api.requests.length;
    await mkdir(path.join(server.work, 'out.csv'));
    expect(await server.fails('get_results', { batch_id, output_file: 'out.csv' })).toContain('is a folder');
    expect(server.api.requests).toHaveLength(seen);
  });
});

describe('a batch that runs, without a key', () => {
  eachNth(3, [
    ['batch_status', {}],
    ['get_results', {}],
    ['cancel_batch', {}],
    ['retry_batch', { replace: true }],
  ])('%s names what is missing', async (tool, args) => {
    const api = await startApi();
    const sender = await startServer({ api });
    const { batch_id } = await sender.ok('submit_batch', { requests: ['Hi'] });
    const keyless = await startServer({ folder: sender.folder });
    const { text } = await keyless.call(tool, { batch_id, ...args });
    expect(text).toContain('ANTHROPIC_API_KEY');
    expect(api.creates).toHaveLength(1);
  });
});
