/**
 * The Message Batches API as far as the measurements need it, in a process of its own: takes bodies of any size
 * and drops them, and serves results from files as fast as the disk gives them. A batch has ended when it is
 * looked at for the first time, unless none ever ends. The results of an unknown one are those of the last that was made, so that a reference
 * gets them as slowly as the product does. Started by api.ts, with the options as JSON in the first argument.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import type { ApiOptions } from './api.ts';

const { parts, endless = false }: ApiOptions = JSON.parse(process.argv[2] ?? '');
const created = new Map<string, ApiOptions['parts'][number] & { last: string }>();
let served = 0;

const counts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

/** Counted once, in the file itself. */
async function countsOf(file: string) {
  const found = { ...counts };
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const type = /"result":\{"type":"(\w+)"/.exec(line)?.[1];
    if (type === 'succeeded' || type === 'errored' || type === 'canceled' || type === 'expired')
      found[type] += 1;
  }
  return found;
}
const totals = new Map<string, Awaited<ReturnType<typeof countsOf>>>();
for (const { results } of parts) totals.set(results, await countsOf(results));

function describe(id: string, ended: boolean) {
  const part = created.get(id);
  const now = new Date();
  return {
    id,
    type: 'message_batch',
    processing_status: ended ? 'ended' : 'in_progress',
    request_counts: ended && part ? totals.get(part.results) : { ...counts, processing: part?.count ?? 0 },
    created_at: now.toISOString(),
    expires_at: new Date(now.getTime() + 86_400_000).toISOString(),
    ended_at: ended ? now.toISOString() : null,
    cancel_initiated_at: null,
    archived_at: null,
    results_url: null,
  };
}

const MARK = Buffer.from('{"custom_id":"');
const LONGEST_ID = 64;

/** Reads without keeping; gives the count of requests in it, and the ids of the first and the last one. */
async function drop(request: IncomingMessage): Promise<{ count: number; first: string; last: string }> {
  let count = 0;
  let first = '';
  let last = Buffer.alloc(0);
  let rest = Buffer.alloc(0);
  for await (const chunk of request) {
    const bytes = Buffer.concat([rest, chunk]);
    for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + 1)) {
      if (count === 0) first = bytes.toString('utf8', at + MARK.length, bytes.indexOf('"', at + MARK.length));
      count += 1;
    }
    const at = bytes.lastIndexOf(MARK);
    if (at !== -1) last = bytes.subarray(at + MARK.length, at + MARK.length + LONGEST_ID + 1);
    else if (last.length <= LONGEST_ID) last = Buffer.concat([last, chunk.subarray(0, LONGEST_ID)]);
    rest = bytes.subarray(Math.max(0, bytes.length - MARK.length + 1));
  }
  return { count, first, last: last.toString('utf8').split('"', 1)[0] ?? '' };
}

/** A results file with the line of the last request under the id that this one came under. */
async function* under(sent: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const own = Buffer.from(`"custom_id":"${sent.replace(/_mark_[a-zA-Z0-9]{20}$/, '')}"`);
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    const at = bytes.indexOf(own);
    if (at !== -1) {
      yield bytes.subarray(0, at);
      yield Buffer.from(`"custom_id":"${sent}"`);
    }
    const from = at === -1 ? 0 : at + own.length;
    const to = Math.max(from, bytes.length - own.length + 1);
    yield bytes.subarray(from, to);
    rest = bytes.subarray(to);
  }
  yield rest;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://api').pathname;
  const [, , , , id = '', action] = path.split('/');
  const json = (body: unknown) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (path === '/served') {
    json({ served });
    return;
  }
  served += 1;
  if (path.endsWith('/count_tokens')) {
    await drop(request);
    json({ input_tokens: 500 });
    return;
  }
  if (request.method === 'POST' && id === '') {
    const { count, first, last } = await drop(request);
    const part = parts.find((each) => each.count === count && (each.first ?? first) === first);
    if (!part) throw new Error(`no results are known for ${count} requests`);
    const made = `msgbatch_${randomBytes(12).toString('hex')}`;
    created.set(made, { ...part, last });
    json(describe(made, false));
  } else if (id === '') json({ data: [], has_more: false, first_id: null, last_id: null });
  else if (action === 'results') {
    const { results: file = '', last = '' } = created.get(id) ?? [...created.values()].at(-1) ?? {};
    response.writeHead(200, { 'content-type': 'application/x-jsonl' });
    const lines = (await open(file)).createReadStream({ highWaterMark: 1 << 20 });
    await pipeline(last === '' ? lines : under(last, lines), response);
  } else json(describe(id, !endless));
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
process.on('disconnect', () => process.exit());
