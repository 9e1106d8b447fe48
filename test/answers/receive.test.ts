import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Received, type Reception, receive } from '../../src/answers/receive.ts';
import type { ScanJob } from '../../src/answers/scan-part.ts';
import { type StartScanning, scanHere, scanInThread } from '../../src/answers/scanning.ts';
import { BatchError } from '../../src/errors.ts';
import { batchFolder } from '../../src/store/files/layout.ts';
import type { CreatedPart } from '../../src/store/record.ts';
import { createTasksWriter } from '../../src/store/task-list.ts';
import { errored, succeeded, unfinished } from '../api-server.ts';
import { temporaryFolder } from '../harness.ts';

const COUNT = 40;
const requests = Array.from({ length: COUNT }, (_, index) => ({
  custom_id: `t-${index}`,
  params: { model: index % 2 === 0 ? 'claude-haiku-5-5' : 'claude-of-our-own' },
}));

const time = '2026-11-22T10:00:00Z';
const part: CreatedPart = {
  number: 1,
  attempt: 1,
  request_count: COUNT,
  first_task: 0,
  tasks: 'run',
  body_bytes: 0,
  body_sha256: '',
  progress: {
    state: 'created',
    intent: null,
    provider_batch_id: 'msgbatch_1',
    tentative: false,
    not_found_since: null,
    results: null,
    seen: {
      processing_status: 'ended',
      request_counts: { processing: 0, succeeded: COUNT, errored: 0, canceled: 0, expired: 0 },
      created_at: time,
      expires_at: time,
      ended_at: time,
    },
  },
};
const tentative: CreatedPart = { ...part, progress: { ...part.progress, tentative: true } };

/** One line per request, of every kind that the API gives and of some that it should not. */
function lineOf(request: (typeof requests)[number], index: number): string {
  const lines: (object | string)[] = [
    succeeded(request, 'a plain "answer" \\ with a [bracket] and ünïcode\n'),
    succeeded(request, 'cut', { stop_reason: 'max_tokens' }),
    succeeded(request, '', { stop_reason: 'refusal', content: [] }),
    errored(request, 'api_error', `It failed at ${index}`),
    unfinished(request, 'expired'),
    unfinished(request, 'canceled'),
    succeeded(request, 'odd', { usage: 'none', model: 7 }),
    { custom_id: request.custom_id, result: { type: 'succeeded' } },
    { custom_id: request.custom_id, result: { type: 'from the future' } },
    succeeded(request, 'x'.repeat(70_000)),
  ];
  const line = lines[index % lines.length] ?? '';
  return `${typeof line === 'string' ? line : JSON.stringify(line)}\n`;
}

const whole = requests.map(lineOf);
const stranger = `${JSON.stringify(succeeded({ custom_id: 'stranger', params: {} }, 'Who?'))}\n`;

const downloads: { name: string; body: string; part?: CreatedPart }[] = [
  { name: 'whole', body: whole.toReversed().join('') },
  { name: 'of lines that end in a carriage return, with empty ones', body: whole.join('\r\n') },
  { name: 'without the last newline', body: whole.join('').trimEnd() },
  { name: 'with a mark at its beginning', body: `\ufeff${whole.join('')}` },
  { name: 'with lines of spaces', body: whole.join('\r\n \t\r\n') },
  { name: 'empty', body: '' },
  { name: 'cut at a line boundary', body: whole.slice(0, 30).join('') },
  { name: 'cut in a line', body: whole.join('').slice(0, -100) },
  { name: 'with a line repeated', body: [...whole, whole[3]].join('') },
  { name: 'with an unknown id', body: [...whole, stranger].join('') },
  { name: 'with an unknown id, taken for ours', body: [...whole, stranger].join(''), part: tentative },
  { name: 'with lines that are no results', body: ['<html>\n', ...whole, '{"custom_id":3}\n'].join('') },
  {
    name: 'larger than all that may be under way',
    body: requests.map((each) => `${JSON.stringify(succeeded(each, 'y'.repeat(400_000)))}\n`).join(''),
  },
  { name: 'with a line longer than all that', body: [...whole, `${'y'.repeat(9_000_000)}\n`].join('') },
];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-receive-'));
  const writer = await createTasksWriter(batchFolder(folder));
  for (const { custom_id, params } of requests) {
    await writer.add(
      { task_id: custom_id, model: params.model, task_type: 'test' },
      { offset: 0, length: 0 },
    );
  }
  await writer.close();
  return () => rm(folder, { recursive: true, force: true });
});

async function* inPieces(body: string, failure?: Error): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += 65_521) yield bytes.subarray(at, at + 65_521);
  if (failure) throw failure;
}

type Came = { received: Received; file: string } | { error: unknown };

/** What comes of a download, and of its file. */
async function comeOf(
  start: StartScanning,
  chunks: AsyncIterable<Uint8Array>,
  given: Partial<Reception & Omit<ScanJob, 'file'>>,
): Promise<Came> {
  const job = { folder, part, provider: 'anthropic' as const, catalog: {}, ...given };
  const reception: Reception = {
    part,
    unfinished: path.join(folder, randomUUID()),
    target: path.join(folder, 'results.jsonl'),
    last: true,
    ...given,
  };
  try {
    const received = await receive(chunks, reception, (file) => start({ ...job, file }, () => {}));
    if (received.kind === 'saved') {
      // Buffers come from another thread as plain bytes.
      received.saved.index = {
        ...received.saved.index,
        rows: Uint8Array.from(received.saved.index.rows),
      };
    }
    return { received, file: await readFile(reception.unfinished, 'utf8') };
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

describe.each(downloads)('a download $name', ({ body, part: expectedPart = part }) => {
  it.each([true, false])('comes to the same on a thread, whether or not it is the last: %s', async (last) => {
    const here = await comeOf(scanHere, inPieces(body), { part: expectedPart, last });
    const there = await comeOf(scanInThread, inPieces(body), { part: expectedPart, last });
    if (!('received' in here) || !('received' in there)) throw new Error('it should have been received');
    expect(there.received).toEqual(here.received);
    if (here.received.kind !== 'saved') return;
    expect(there.file === body).toBe(true);
    expect(here.file === body).toBe(true);
  });
});

describe('what fails', () => {
  it('comes out as it is: the download itself', async () => {
    const failure = new BatchError('api_uncertain', 'The connection failed.');
    for (const start of [scanHere, scanInThread]) {
      expect(await comeOf(start, inPieces(whole.join(''), failure), {})).toEqual({
        error: { code: 'api_uncertain', message: 'The connection failed.' },
      });
    }
  });

  it('comes out as it is: the file', async () => {
    const unfinished = path.join(folder, 'there-already');
    await writeFile(unfinished, '');
    const here = await comeOf(scanHere, inPieces(whole.join('')), { unfinished });
    expect(here).toMatchObject({ error: { code: 'store_failed', message: expect.stringMatching(/EEXIST/) } });
    expect(await comeOf(scanInThread, inPieces(whole.join('')), { unfinished })).toEqual(here);
    await rm(unfinished);
  });

  it('comes out as it is: the tasks, before the download is over', async () => {
    const damaged = await temporaryFolder();
    await writeFile(batchFolder(damaged).tasks, await readFile(batchFolder(folder).tasks));
    await truncate(batchFolder(damaged).tasks, 100);
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(100_000, 'a');
      } finally {
        ended = true;
      }
    }
    const here = await comeOf(scanHere, endless(), { folder: damaged });
    expect(here).toMatchObject({ error: { code: 'store_damaged' } });
    expect(await comeOf(scanInThread, endless(), { folder: damaged })).toEqual(here);
    expect(ended).toBe(true);
  });
});
