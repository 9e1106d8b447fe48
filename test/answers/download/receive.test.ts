import { describe, expect, it } from 'vitest';
import { expectedTasks } from '../../../src/answers/download/expected-tasks.ts';
import { type Received, receive } from '../../../src/answers/download/receive.ts';
import { scanResults } from '../../../src/answers/download/scan-results.ts';
import { BatchError } from '../../../src/errors.ts';
import { modelTable } from '../../../src/provider/anthropic/models/price-table.ts';
import { dialectOf } from '../../../src/provider/dialects.ts';
import { createModelCatalog } from '../../../src/provider/models.ts';
import { openBlobWriter } from '../../../src/store/blob-writer.ts';
import type { CreatedPart } from '../../../src/store/record.ts';
import type { Blobs, Pieces } from '../../../src/store/store.ts';
import { openTasksWriter } from '../../../src/store/task-list.ts';
import { errored, succeeded, unfinished } from '../../api-server.ts';
import { contentOf, piecesOf } from '../../store/contract/pieces.ts';
import { createMemoryStore } from '../../store/memory-store.ts';

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

type Download = {
  name: string;
  body: string;
  /** What it becomes where it may be fetched again. */
  becomes: Received['kind'];
  part?: CreatedPart;
};

const downloads: Download[] = [
  { name: 'whole', body: whole.toReversed().join(''), becomes: 'saved' },
  {
    name: 'of lines that end in a carriage return, with empty ones',
    body: whole.join('\r\n'),
    becomes: 'saved',
  },
  { name: 'without the last newline', body: whole.join('').trimEnd(), becomes: 'saved' },
  { name: 'with a mark at its beginning', body: `\ufeff${whole.join('')}`, becomes: 'saved' },
  { name: 'with lines of spaces', body: whole.join('\r\n \t\r\n'), becomes: 'saved' },
  { name: 'empty', body: '', becomes: 'short' },
  { name: 'cut at a line boundary', body: whole.slice(0, 30).join(''), becomes: 'short' },
  { name: 'cut in a line', body: whole.join('').slice(0, -100), becomes: 'short' },
  { name: 'with a line repeated', body: [...whole, whole[3]].join(''), becomes: 'short' },
  { name: 'with an unknown id', body: [...whole, stranger].join(''), becomes: 'short' },
  {
    name: 'with an unknown id, taken for ours',
    body: [...whole, stranger].join(''),
    becomes: 'foreign',
    part: tentative,
  },
  {
    name: 'with lines that are no results',
    body: ['<html>\n', ...whole, '{"custom_id":3}\n'].join(''),
    becomes: 'short',
  },
  {
    name: 'of large lines',
    body: requests.map((each) => `${JSON.stringify(succeeded(each, 'y'.repeat(400_000)))}\n`).join(''),
    becomes: 'saved',
  },
  {
    name: 'with a very long line',
    body: [...whole, `${'y'.repeat(9_000_000)}\n`].join(''),
    becomes: 'short',
  },
];

/** The blobs of a batch of these requests. */
async function ofBatch(): Promise<Blobs> {
  const { blobs } = await createMemoryStore().stage();
  const writer = openTasksWriter(blobs);
  for (const { custom_id, params } of requests) {
    await writer.add(
      { task_id: custom_id, model: params.model, task_type: 'test' },
      { offset: 0, length: 0 },
    );
  }
  await writer.close();
  return blobs;
}

async function* inPieces(body: string, failure?: Error): Pieces {
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += 65_521) yield bytes.subarray(at, at + 65_521);
  if (failure) throw failure;
}

async function received(blobs: Blobs, chunks: Pieces, given: CreatedPart, last: boolean): Promise<Received> {
  const blob = openBlobWriter(blobs, 'results');
  return receive(chunks, { part: given, blob, last }, async (saved) =>
    scanResults(saved, await expectedTasks(blobs, { request_count: COUNT }, given), {
      dialect: dialectOf('anthropic'),
      catalog: createModelCatalog(modelTable),
    }),
  );
}

describe.each(downloads)('a download $name', ({ body, becomes, part: given = part }) => {
  it('is saved where it is whole, and else leaves nothing', async () => {
    const blobs = await ofBatch();
    expect((await received(blobs, inPieces(body), given, false)).kind).toBe(becomes);
    expect(await blobs.size('results')).toBe(becomes === 'saved' ? Buffer.byteLength(body) : null);
  });

  it('is saved as it is where it is the last, unless it is of another', async () => {
    const blobs = await ofBatch();
    const kind = becomes === 'foreign' ? 'foreign' : 'saved';
    expect((await received(blobs, inPieces(body), given, true)).kind).toBe(kind);
    if (kind === 'saved') expect((await contentOf(blobs.read('results'))) === body).toBe(true);
    else expect(await blobs.size('results')).toBeNull();
  });
});

it('leaves what another process saved meanwhile', async () => {
  const blobs = await ofBatch();
  await blobs.write('results', piecesOf('theirs'));
  expect(await received(blobs, inPieces(whole.join('')), part, false)).toEqual({ kind: 'taken' });
  expect(await contentOf(blobs.read('results'))).toBe('theirs');
});

describe('what fails', () => {
  it('comes out as it is: the download itself', async () => {
    const blobs = await ofBatch();
    const failure = new BatchError('api_uncertain', 'The connection failed.');
    await expect(received(blobs, inPieces(whole.join(''), failure), part, true)).rejects.toBe(failure);
    expect(await blobs.size('results')).toBeNull();
  });

  it('comes out as it is: the disk', async () => {
    const blobs = await ofBatch();
    const failure = new BatchError('store_failed', 'The disk is full.');
    const full: Blobs = {
      ...blobs,
      async write(_name, pieces) {
        for await (const _piece of pieces) throw failure;
        return 0;
      },
    };
    await expect(received(full, inPieces(whole.join('')), part, true)).rejects.toBe(failure);
  });

  it('comes out as it is: the tasks, and the download is ended', async () => {
    const blobs = await ofBatch();
    await blobs.remove('tasks.jsonl');
    await blobs.write('tasks.jsonl', piecesOf('{"task_id":'));
    let asked = false;
    async function* endless(): Pieces {
      for (;;) {
        asked = true;
        yield Buffer.alloc(100_000, 'a');
      }
    }
    await expect(received(blobs, endless(), part, true)).rejects.toMatchObject({ code: 'store_damaged' });
    expect([asked, await blobs.size('results')]).toEqual([false, null]);
  });
});
