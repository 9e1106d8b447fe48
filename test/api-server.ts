import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { apiError, json, type PlainHandler, succeeded } from './api-answers.ts';
import { readMark, type SentMark, withMark } from './marks.ts';

/**
 * A stand-in for the real Message Batches API, for tests: real HTTP on 127.0.0.1, batches in memory, the shapes
 * of the API's documentation. It shares no code with the product, so that a wrong shape shows.
 *
 *     const api = await startApiServer({ endsAtOnce: true });
 *     // point the product at api.url with api.key, submit, then look at:
 *     api.creates[0].requests    // what was received, parsed
 *     api.requests               // every request: method, path, headers
 *     api.batches                // newest last
 *     api.endAll();              // everything in progress ends now
 *     api.make(['x', 'y']);      // another program makes a batch on the same key
 *     api.override('retrieve', json(529, apiError('overloaded_error', 'busy')), { times: 1 });
 *     const answer = api.hold('create');    // the next create makes its batch, and is answered by answer()
 *     await api.close();
 */
export type ApiServer = {
  readonly url: string;
  /** The only key that is let in. */
  readonly key: string;
  /** The bodies of all creates that came in under the key, parsed, oldest first; their requests under their own ids. */
  readonly creates: CreateBody[];
  /** The same as they came. */
  readonly bodies: string[];
  readonly requests: SeenRequest[];
  readonly batches: ApiBatch[];
  /** Ends every batch; the results are made at this moment. */
  endAll(): void;
  end(id: string): void;
  /** A batch of another program on the same key, made now, with a request per id; gives its id. */
  make(customIds: readonly string[]): string;
  /** Makes the batch of the create that came last, whose answer said that there is none; gives its id. */
  commit(): string;
  /** A batch as the API tells of it. */
  describe(id: string): object;
  /** How often a route was asked for. */
  asked(route: ApiRoute): number;
  /**
   * Answers a route otherwise, at every request or the first `times`. A create makes no batch then, unless
   * `after` lets it make one first.
   */
  override(route: ApiRoute, handler: ApiHandler, options?: { times?: number; after?: boolean }): void;
  /** Holds back the answer to the next request of a route, a create's batch being made, until the function given is called. */
  hold(route: ApiRoute): () => void;
  close(): Promise<void>;
};

export type ApiRoute = 'create' | 'list' | 'retrieve' | 'cancel' | 'results' | 'count' | 'models';

export type ApiRequest = { custom_id: string; params: Record<string, unknown> };
export type CreateBody = { requests: ApiRequest[] };
export type SeenRequest = {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Null for what the API does not have. */
  route: ApiRoute | null;
  /** When it came, in milliseconds, by a clock that only goes forward. */
  at: number;
};

export type ApiBatch = {
  id: string;
  /** Under their own ids. */
  requests: ApiRequest[];
  /** What the last of them came under. */
  mark: SentMark | null;
  status: 'in_progress' | 'canceling' | 'ended';
  createdAt: Date;
  endedAt: Date | null;
  cancelInitiatedAt: Date | null;
  /** The download: JSONL, as bytes. Empty until ended. */
  results: Buffer;
};

/** Answers by itself: any status, body, hang or reset. `pass` gives the route's own answer. */
export type ApiHandler = (request: IncomingMessage, response: ServerResponse, pass: () => void) => void;

export type ApiServerOptions = {
  /** How many tokens a request counts, null for one that names no file; without it nothing can be counted here (404). */
  tokens?: (params: Record<string, unknown>) => number | null;
  /** What the Models API lists, at once; without it there is none (404). */
  models?: object[];
  key?: string;
  /** Other keys of the same workspace. */
  otherKeys?: readonly string[];
  /** So many batches stand on a page of the list, however many are asked for. */
  longestPage?: number;
  /** A batch has ended as soon as it is created. */
  endsAtOnce?: boolean;
  /** The results of a batch: lines (an object is written as JSON), or the download's raw bytes. */
  results?: (requests: ApiRequest[]) => (object | string)[] | Buffer;
};

export { apiError, errored, hang, json, reset, succeeded, unfinished } from './api-answers.ts';

const DAY = 24 * 60 * 60 * 1000;
const ROOT = '/v1/messages/batches';

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const key = options.key ?? 'sk-ant-test-key';
  const makeResults =
    options.results ?? ((requests) => requests.map((r) => succeeded(r, `answer ${r.custom_id}`)));
  const creates: CreateBody[] = [];
  const bodies: string[] = [];
  const requests: SeenRequest[] = [];
  const batches: ApiBatch[] = [];
  const overrides: { route: ApiRoute; handler: ApiHandler; left: number; after: boolean }[] = [];
  const override: ApiServer['override'] = (
    route,
    handler,
    { times = Number.POSITIVE_INFINITY, after = false } = {},
  ) => {
    overrides.push({ route, handler, left: times, after });
  };

  function end(batch: ApiBatch) {
    if (batch.status === 'ended') return;
    const made = makeResults(batch.requests);
    const lines = Buffer.isBuffer(made)
      ? made
      : made.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
    batch.results = withMark(Buffer.from(lines), batch.mark);
    batch.status = 'ended';
    batch.endedAt = new Date();
  }

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://api');
    const method = request.method ?? '';
    const route = routeOf(method, url.pathname);
    const path = url.pathname + url.search;
    requests.push({ method, path, headers: request.headers, route, at: performance.now() });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const answer = (handler: PlainHandler) => handler(request, response);

    const isLetIn = [key, ...(options.otherKeys ?? [])].some(
      (each) => request.headers.authorization === `Bearer ${each}`,
    );
    if (!isLetIn) {
      return answer(json(401, apiError('authentication_error', 'invalid x-api-key')));
    }
    if (route === null) return answer(json(404, apiError('not_found_error', 'Not found')));
    const other = overrides.find((entry) => entry.route === route && entry.left > 0);
    if (other) other.left -= 1;
    const makesBatch = route === 'create' && (!other || other.after);
    const wanted = route === 'create' ? received(body) : null;
    const made = wanted && makesBatch ? newBatch(wanted) : undefined;
    const pass = () => answer(answerOf(route, url, body, made));
    if (other) return other.handler(request, response, pass);
    return pass();
  }

  function received(body: string) {
    const create: CreateBody = JSON.parse(body);
    const wanted = readMark(create.requests);
    bodies.push(body);
    creates.push({ ...create, requests: wanted.requests });
    return wanted;
  }

  function newBatch({ requests: wanted, mark }: Pick<ApiBatch, 'requests' | 'mark'>): ApiBatch {
    const id = `msgbatch_test${String(batches.length + 1).padStart(20, '0')}`;
    const batch: ApiBatch = {
      id,
      requests: wanted,
      mark,
      status: 'in_progress',
      createdAt: new Date(),
      endedAt: null,
      cancelInitiatedAt: null,
      results: Buffer.alloc(0),
    };
    if (options.endsAtOnce) end(batch);
    batches.push(batch);
    return batch;
  }

  function answerOf(route: ApiRoute, url: URL, body: string, made: ApiBatch | undefined): PlainHandler {
    if (route === 'list') return json(200, pageOf(url));
    if (route === 'count' && options.tokens) {
      const input_tokens = options.tokens(JSON.parse(body));
      return input_tokens === null
        ? json(404, apiError('not_found_error', 'no such file'))
        : json(200, { input_tokens });
    }
    if (route === 'models' && options.models) return json(200, { data: options.models, has_more: false });
    const id = url.pathname.split('/')[4];
    const batch = made ?? batches.find((one) => one.id === id);
    if (!batch) return json(404, apiError('not_found_error', `No batch found with id: ${id}`));
    if (route === 'cancel' && batch.status === 'in_progress') {
      batch.status = 'canceling';
      batch.cancelInitiatedAt = new Date();
    }
    if (route !== 'results') return json(200, describe(batch));
    return (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-jsonl', 'request-id': 'req_test' });
      response.end(batch.results);
    };
  }

  function pageOf(url: URL) {
    const newestFirst = batches.toReversed();
    const after = url.searchParams.get('after_id');
    const limit = Math.min(Number(url.searchParams.get('limit') ?? 20), options.longestPage ?? 1_000);
    const rest = newestFirst.slice(after ? newestFirst.findIndex(({ id }) => id === after) + 1 : 0);
    const data = rest.slice(0, limit).map(describe);
    const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    return { data, has_more: rest.length > limit, ...ends };
  }

  function describe(batch: ApiBatch) {
    const ended = batch.status === 'ended';
    return {
      id: batch.id,
      type: 'message_batch',
      processing_status: batch.status,
      request_counts: ended ? countsOf(batch) : { ...noCounts, processing: batch.requests.length },
      created_at: batch.createdAt.toISOString(),
      expires_at: new Date(batch.createdAt.getTime() + DAY).toISOString(),
      ended_at: batch.endedAt?.toISOString() ?? null,
      cancel_initiated_at: batch.cancelInitiatedAt?.toISOString() ?? null,
      archived_at: null,
      results_url: ended ? `${url}${ROOT}/${batch.id}/results` : null,
    };
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // A client that left while it sent is what some tests are about.
      if (!response.headersSent) json(500, apiError('api_error', String(error)))(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const url = `http://127.0.0.1:${address.port}`;

  return {
    url,
    key,
    creates,
    bodies,
    requests,
    batches,
    endAll: () => batches.forEach(end),
    end: (id) => batches.filter((batch) => batch.id === id).forEach(end),
    make: (customIds) => {
      const made = customIds.map((custom_id) => ({ custom_id, params: { model: 'claude-haiku-5-5' } }));
      return newBatch({ requests: made, mark: null }).id;
    },
    commit: () => newBatch(readMark(JSON.parse(bodies.at(-1) ?? '').requests)).id,
    describe: (id) => {
      const batch = batches.find((one) => one.id === id);
      if (!batch) throw new Error(`there is no batch ${id}`);
      return describe(batch);
    },
    asked: (route) => requests.filter((request) => request.route === route).length,
    override,
    hold: (route) => {
      let release = () => {};
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      override(route, (_request, _response, pass) => void released.then(pass), { times: 1, after: true });
      return release;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function routeOf(method: string, path: string): ApiRoute | null {
  if (method === 'POST' && path === '/v1/messages/count_tokens') return 'count';
  if (method === 'GET' && path === '/v1/models') return 'models';
  if (path === ROOT) return method === 'POST' ? 'create' : 'list';
  const [id, action] = path.slice(ROOT.length + 1).split('/');
  if (!path.startsWith(`${ROOT}/`) || !id) return null;
  if (action === undefined && method === 'GET') return 'retrieve';
  if (action === 'cancel' && method === 'POST') return 'cancel';
  return action === 'results' && method === 'GET' ? 'results' : null;
}

const noCounts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

/** From the lines themselves; a request without a line counts as succeeded, as in a download cut short. */
function countsOf(batch: ApiBatch) {
  const count = (type: string) =>
    batch.results
      .toString()
      .split('\n')
      .filter((line) => line.includes(`"result":{"type":"${type}"`)).length;
  const [failed, canceled, expired] = [count('errored'), count('canceled'), count('expired')];
  const rest = batch.requests.length - failed - canceled - expired;
  return { ...noCounts, succeeded: rest, errored: failed, canceled, expired };
}
