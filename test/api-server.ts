import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

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
 *     api.override('retrieve', json(529, apiError('overloaded_error', 'busy')), { times: 1 });
 *     await api.close();
 */
export type ApiServer = {
  readonly url: string;
  /** The only key that is let in. */
  readonly key: string;
  /** The bodies of all creates that came in under the key, parsed, oldest first. */
  readonly creates: CreateBody[];
  readonly requests: SeenRequest[];
  readonly batches: ApiBatch[];
  /** Ends every batch; the results are made at this moment. */
  endAll(): void;
  end(id: string): void;
  /** Answers a route otherwise, at every request or the first `times`; `after` runs the route first. */
  override(route: ApiRoute, handler: ApiHandler, options?: { times?: number; after?: boolean }): void;
  close(): Promise<void>;
};

export type ApiRoute = 'create' | 'list' | 'retrieve' | 'cancel' | 'results' | 'count' | 'models';

export type ApiRequest = { custom_id: string; params: Record<string, unknown> };
export type CreateBody = { requests: ApiRequest[] };
export type SeenRequest = { method: string; path: string; headers: IncomingHttpHeaders };

export type ApiBatch = {
  id: string;
  requests: ApiRequest[];
  status: 'in_progress' | 'canceling' | 'ended';
  createdAt: Date;
  endedAt: Date | null;
  cancelInitiatedAt: Date | null;
  /** The download: JSONL, as bytes. Empty until ended. */
  results: Buffer;
};

/** Answers by itself: any status, body, hang or reset. */
export type ApiHandler = (request: IncomingMessage, response: ServerResponse) => void;

export type ApiServerOptions = {
  /** How many tokens a request counts; without it nothing can be counted here (404). */
  tokens?: (params: Record<string, unknown>) => number;
  /** What the Models API lists, at once; without it there is none (404). */
  models?: object[];
  key?: string;
  /** A batch has ended as soon as it is created. */
  endsAtOnce?: boolean;
  /** The results of a batch: lines (an object is written as JSON), or the download's raw bytes. */
  results?: (requests: ApiRequest[]) => (object | string)[] | Buffer;
};

/** A handler that answers with a status and a JSON body. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): ApiHandler {
  return (_request, response) => {
    const all = { 'content-type': 'application/json', 'request-id': 'req_test', ...headers };
    response.writeHead(status, all).end(JSON.stringify(body));
  };
}

/** An error as the API writes it. */
export function apiError(type: string, message: string, details?: object): object {
  return { type: 'error', error: { type, message, ...(details && { details }) }, request_id: 'req_test' };
}

export const hang: ApiHandler = () => {};
export const reset: ApiHandler = (request) => request.socket.resetAndDestroy();

/** The line of a request that succeeded. */
export function succeeded(request: ApiRequest, text: string, message: object = {}): object {
  return {
    custom_id: request.custom_id,
    result: {
      type: 'succeeded',
      message: {
        id: `msg_${request.custom_id}`,
        type: 'message',
        role: 'assistant',
        model: request.params.model,
        content: [{ type: 'text', text }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: {
          input_tokens: 10,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 5,
          service_tier: 'batch',
        },
        ...message,
      },
    },
  };
}

/** The line of a request that errored, doubly nested as the API does it. */
export function errored(request: ApiRequest, type: string, message: string): object {
  const error = { type: 'error', error: { type, message }, request_id: null };
  return { custom_id: request.custom_id, result: { type: 'errored', error } };
}

/** The line of a request that was canceled or has expired. */
export function unfinished(request: ApiRequest, type: 'canceled' | 'expired'): object {
  return { custom_id: request.custom_id, result: { type } };
}

const DAY = 24 * 60 * 60 * 1000;
const ROOT = '/v1/messages/batches';

export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const key = options.key ?? 'sk-ant-test-key';
  const makeResults =
    options.results ?? ((requests) => requests.map((r) => succeeded(r, `answer ${r.custom_id}`)));
  const creates: CreateBody[] = [];
  const requests: SeenRequest[] = [];
  const batches: ApiBatch[] = [];
  const overrides: { route: ApiRoute; handler: ApiHandler; left: number; after: boolean }[] = [];

  function end(batch: ApiBatch) {
    if (batch.status === 'ended') return;
    const made = makeResults(batch.requests);
    const lines = Buffer.isBuffer(made)
      ? made
      : made.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
    batch.results = Buffer.from(lines);
    batch.status = 'ended';
    batch.endedAt = new Date();
  }

  async function serve(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? '/', 'http://api');
    const method = request.method ?? '';
    requests.push({ method, path: url.pathname + url.search, headers: request.headers });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const answer = (handler: ApiHandler) => handler(request, response);

    if (request.headers.authorization !== `Bearer ${key}`) {
      return answer(json(401, apiError('authentication_error', 'invalid x-api-key')));
    }
    const route = routeOf(method, url.pathname);
    if (route === null) return answer(json(404, apiError('not_found_error', 'Not found')));
    const ask = route === 'count' ? options.tokens : undefined;
    const override = overrides.find((entry) => entry.route === route && entry.left > 0);
    if (override) override.left -= 1;
    const makesBatch = route === 'create' && (!override || override.after);
    if (route === 'create') creates.push(JSON.parse(body));
    if (makesBatch) batches.push(newBatch(creates.at(-1)?.requests ?? []));
    if (override) return answer(override.handler);
    if (ask) return answer(json(200, { input_tokens: ask(JSON.parse(body)) }));
    if (route === 'models' && options.models)
      return answer(json(200, { data: options.models, has_more: false }));
    return answer(answerOf(route, url));
  }

  function newBatch(wanted: ApiRequest[]): ApiBatch {
    const id = `msgbatch_test${String(batches.length + 1).padStart(20, '0')}`;
    const batch: ApiBatch = {
      id,
      requests: wanted,
      status: 'in_progress',
      createdAt: new Date(),
      endedAt: null,
      cancelInitiatedAt: null,
      results: Buffer.alloc(0),
    };
    if (options.endsAtOnce) end(batch);
    return batch;
  }

  function answerOf(route: ApiRoute, url: URL): ApiHandler {
    if (route === 'list') return json(200, pageOf(url));
    const id = url.pathname.split('/')[4];
    const batch = route === 'create' ? batches.at(-1) : batches.find((one) => one.id === id);
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
    const limit = Number(url.searchParams.get('limit') ?? 20);
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
    requests,
    batches,
    endAll: () => batches.forEach(end),
    end: (id) => batches.filter((batch) => batch.id === id).forEach(end),
    override: (route, handler, { times = Number.POSITIVE_INFINITY, after = false } = {}) => {
      overrides.push({ route, handler, left: times, after });
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
