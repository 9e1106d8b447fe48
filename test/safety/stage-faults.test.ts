import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { allPages, follow, isSaved, startApi } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiHandler, type ApiRequest, apiError, json, reset, succeeded } from '../api-server.ts';
import { type Reply, startServer, type TestServer, temporaryFolder } from '../harness.ts';
import { eachNth } from '../long.ts';
import {
  answerOf,
  four,
  type Ground,
  primed,
  rowsWork,
  tasksIn,
  withContract,
  withoutChance,
} from './journey-steps.ts';

// Whatever goes wrong at the API while a later stage is made, sent or fetched, it comes to the same end, and is paid once.

const env = { BATCH_MCP_SETTLE_SECONDS: '0.05' };
const limits = { partRequests: 4, downloadPauseMs: 5 };

/** Work, and the create that goes wrong of it. */
type Stage = { create: number; batches: (submit: (work: object) => Promise<string>) => Promise<string[]> };

const one =
  (work: object): Stage['batches'] =>
  async (submit) => [await submit(work)];
const variants = { A: { system: 'Be brief.' }, B: { system: 'Be long.' } };
const stages: Record<string, Stage> = {
  packs: { create: 1, batches: one({ ...rowsWork, pack: 2 }) },
  'rows that a pack left out': { create: 2, batches: one({ ...rowsWork, pack: 5, retries: 1 }) },
  'the second stage of a merge': { create: 2, batches: one({ ...rowsWork, merge: 2 }) },
  'the last stage of a merge': { create: 3, batches: one({ ...rowsWork, merge: 2 }) },
  'the second part of variants': { create: 2, batches: one({ ...rowsWork, variants }) },
  'a first request that fills the cache': { create: 1, batches: one({ ...rowsWork, ...primed }) },
  'what a first request fills the cache for': { create: 2, batches: one({ ...rowsWork, ...primed }) },
  'what waits for another batch': {
    create: 2,
    batches: async (submit) => {
      const first = await submit(four);
      return [first, await submit({ from_batch: first, prompt: 'Check: {{text}}', pack: 2 })];
    },
  },
  'the end of a chain of three': {
    create: 3,
    batches: async (submit) => {
      const first = await submit(four);
      const second = await submit({ from_batch: first, prompt: 'Check: {{text}}' });
      return [first, second, await submit({ from_batch: second, prompt: 'Sum up: {{items}}', merge: 4 })];
    },
  },
};

/** A pack of five leaves its second row out. */
function answered(request: ApiRequest): object {
  if (rowsIn(request).length < 5) return answerOf(request);
  return succeeded(
    request,
    packAnswer(request, ({ text }, index) => (index === 1 ? undefined : `answer ${text}`)),
  );
}

async function begin(): Promise<Ground & { server: TestServer }> {
  const api = await startApi({ results: (requests) => requests.toReversed().map(answered) });
  const folder = await temporaryFolder();
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  await withContract({ api, work });
  return { api, work, server: await startServer({ api, folder, env, limits }) };
}

/** Works a stage off, and sends again what the API refused; gives all that is told and billed of it in the end. */
async function finish({ api, server }: Ground & { server: TestServer }, stage: Stage) {
  const ids = await stage.batches(async (work) => {
    const { text } = await server.call('submit_batch', work);
    return /batch_\w{26}/.exec(text)?.[0] ?? text;
  });
  const told: object[] = [];
  for (const batch_id of ids) {
    const isUnsent = ({ processing_status, progress }: Reply) =>
      processing_status === 'not_sent' && !progress;
    for (let seen: Reply = {}; !isSaved(seen) || seen.processing_status !== 'ended'; ) {
      seen = await follow(server, batch_id, (now) => {
        api.endAll();
        return isUnsent(now) || (isSaved(now) && now.processing_status === 'ended');
      });
      if (isUnsent(seen)) await server.ok('retry_batch', { batch_id });
    }
    const { outcomes, cost_usd } = await server.ok('batch_status', { batch_id });
    const answers = await allPages(server, { batch_id });
    told.push({
      outcomes,
      actual: cost_usd.actual,
      answers: answers.map(({ task_id, outcome, text }) =>
        [task_id, outcome, withoutChance(text ?? '')].join(' '),
      ),
    });
  }
  return { told, paid: api.batches.map(({ requests }) => requests.map(tasksIn).join()).sort() };
}

const references = new Map<string, Promise<object>>();
function referenceOf(name: string, stage: Stage): Promise<object> {
  const known = references.get(name) ?? begin().then((ground) => finish(ground, stage));
  references.set(name, known);
  return known;
}

const status = (code: number, type: string, headers = {}) =>
  json(code, apiError(type, 'told by the API'), headers);
const busy = (after: string): [string, ApiHandler, boolean] => [
  `429 with retry-after ${JSON.stringify(after)}`,
  status(429, 'rate_limit_error', { 'retry-after': after }),
  false,
];
const cut: ApiHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('{"id":"msgbatch_');
  setTimeout(() => response.destroy(), 20);
};
const uncertain: [string, ApiHandler][] = [
  ['a reset', reset],
  ['500', status(500, 'api_error')],
  ['502', (_request, response) => response.writeHead(502).end('<html>bad gateway</html>')],
  ['a body that is cut', cut],
  ['a body that is no JSON', (_request, response) => response.writeHead(200).end('<html>')],
  ['a body under another id', json(200, { id: 'msgbatch_x', type: 'message_batch' })],
  [
    'a body that explodes',
    (_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(40_000_000, ' '))),
  ],
];
const createFaults: [name: string, handler: ApiHandler, made: boolean][] = [
  ...uncertain.map(([name, handler]): [string, ApiHandler, boolean] => [`${name}, made`, handler, true]),
  ...uncertain.map(([name, handler]): [string, ApiHandler, boolean] => [`${name}, lost`, handler, false]),
  ['an answer that is late', (_request, _response, pass) => void setTimeout(pass, 700), true],
  ['400', status(400, 'invalid_request_error'), false],
  ['401', status(401, 'authentication_error'), false],
  ['413', status(413, 'request_too_large'), false],
  ['529', status(529, 'overloaded_error', { 'retry-after': '1' }), false],
  busy('0'),
  // What else it may say is in the table of creates.
  busy('soon'),
];

describe('a create that goes wrong', () => {
  const rows = createFaults.flatMap(([name, handler, made]) =>
    Object.entries(stages).map(([of, stage]): [string, string, Stage, ApiHandler, boolean] => [
      of,
      name,
      stage,
      handler,
      made,
    ]),
  );
  eachNth(62, rows)('of %s: %s', async (of, _name, stage, handler, made) => {
    const reference = await referenceOf(of, stage);
    const ground = await begin();
    const well: ApiHandler = (_request, _response, pass) => pass();
    ground.api.override('create', well, { times: stage.create - 1, after: true });
    ground.api.override('create', handler, { times: 1, after: made });
    expect(await finish(ground, stage)).toEqual(reference);
  });
});
