import { modelTable } from '../anthropic/models/price-table.ts';
import { efforts, type Model, thinkingTypes } from '../models.ts';
import { inputTokens } from './answer.ts';
import type { BatchFolder } from './batch-folder.ts';
import { type Cancellation, describeBatch, hasEnded, type SandboxBatch } from './batch-state.ts';
import { checkCounted } from './request-schema.ts';
import { resultLines } from './result-lines.ts';
import { type Refusal, refuse, type WireBatch } from './wire-answer.ts';

/** What a route returns: a JSON value, the lines of a download, or a refusal. */
export type Answer = { ok: true; body: object } | { ok: true; lines: AsyncIterable<string[]> } | Refusal;

type RouteName = 'create' | 'list' | 'retrieve' | 'cancel' | 'delete' | 'results' | 'count' | 'models';

export type Route = { ok: true; name: RouteName; id: string; query: URLSearchParams };

const table: { method: string; path: RegExp; name: RouteName }[] = [
  { method: 'POST', path: /^\/v1\/messages\/batches$/, name: 'create' },
  { method: 'GET', path: /^\/v1\/messages\/batches$/, name: 'list' },
  { method: 'GET', path: /^\/v1\/messages\/batches\/([^/]+)$/, name: 'retrieve' },
  { method: 'DELETE', path: /^\/v1\/messages\/batches\/([^/]+)$/, name: 'delete' },
  { method: 'POST', path: /^\/v1\/messages\/batches\/([^/]+)\/cancel$/, name: 'cancel' },
  { method: 'GET', path: /^\/v1\/messages\/batches\/([^/]+)\/results$/, name: 'results' },
  { method: 'POST', path: /^\/v1\/messages\/count_tokens$/, name: 'count' },
  { method: 'GET', path: /^\/v1\/models$/, name: 'models' },
];

export function matchRoute(method: string, target: string): Route | Refusal {
  const { pathname, searchParams } = new URL(target, 'http://sandbox');
  for (const { path, name, ...route } of table) {
    const match = route.method === method ? path.exec(pathname) : null;
    if (match) return { ok: true, name, id: match[1] ?? '', query: searchParams };
  }
  return refuse(404, 'Not found');
}

type Call = { id: string; query: URLSearchParams; body: AsyncIterable<Buffer> };
type Found = { batch: SandboxBatch; cancellation: Cancellation | null };

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 20;

/** What each route does, over the batches of a folder. `origin` is where the server listens. */
export function createApi(
  folder: BatchFolder,
  origin: string,
): Record<RouteName, (call: Call) => Promise<Answer>> {
  const describe = ({ batch, cancellation }: Found): WireBatch =>
    describeBatch(batch, cancellation, Date.now(), origin);

  async function find(id: string): Promise<Found | null> {
    const batch = await folder.find(id);
    return batch && { batch, cancellation: await folder.cancellation(id) };
  }

  /** Calls `act` with the batch of the route, or answers that there is none. */
  const withBatch = (act: (found: Found) => Answer | Promise<Answer>) => async (call: Call) => {
    const found = await find(call.id);
    return found ? act(found) : refuse(404, `No batch found with id: ${call.id}`);
  };

  return {
    async create({ body }) {
      const received = await folder.receive(body);
      if (!received.ok) return received;
      return { ok: true, body: describe({ batch: await received.commit(), cancellation: null }) };
    },

    async list({ query }) {
      const page = pageOf(await folder.ids(), query);
      if (!page.ok) return page;
      // One that can't be read concerns nobody who asks for another.
      const found = await Promise.all(page.ids.map((id) => find(id).catch(() => null)));
      const data = found.filter((batch) => batch !== null).map(describe);
      const ends = { first_id: page.ids[0] ?? null, last_id: page.ids.at(-1) ?? null };
      return { ok: true, body: { data, has_more: page.hasMore, ...ends } };
    },

    retrieve: withBatch((found) => ({ ok: true, body: describe(found) })),

    cancel: withBatch(async ({ batch, cancellation }) => {
      if (hasEnded(batch, cancellation, Date.now()))
        return refuse(400, `Batch ${batch.id} has already ended`);
      const holds = cancellation ?? (await folder.cancel(batch));
      return { ok: true, body: describe({ batch, cancellation: holds }) };
    }),

    delete: withBatch(async ({ batch, cancellation }) => {
      if (!hasEnded(batch, cancellation, Date.now()))
        return refuse(400, `Batch ${batch.id} has not ended yet`);
      await folder.remove(batch.id);
      return { ok: true, body: { id: batch.id, type: 'message_batch_deleted' } };
    }),

    async count({ body }) {
      const counted = checkCounted(await readJson(body));
      if (!counted.ok) return refuse(400, counted.problem);
      return { ok: true, body: { input_tokens: inputTokens(counted.value) } };
    },

    async models() {
      return { ok: true, body: { data: modelTable.rows.map(describeModel), has_more: false } };
    },

    results: withBatch(({ batch, cancellation }) => {
      if (!hasEnded(batch, cancellation, Date.now()))
        return refuse(404, `Batch ${batch.id} has no results yet`);
      const finished = cancellation?.finished ?? batch.requestCount;
      return { ok: true, lines: resultLines(batch, folder.files(batch.id), finished) };
    }),
  };
}

type Page = { ok: true; ids: string[]; hasMore: boolean };

function pageOf(newestFirst: string[], query: URLSearchParams): Page | Refusal {
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    return refuse(400, `limit: Input should be from 1 to ${MAX_LIMIT}`);
  }
  const [after, before] = [query.get('after_id'), query.get('before_id')];
  if (before !== null) {
    const newer = newestFirst.filter((id) => id > before);
    return { ok: true, ids: newer.slice(-limit), hasMore: newer.length > limit };
  }
  const older = after === null ? newestFirst : newestFirst.filter((id) => id < after);
  return { ok: true, ids: older.slice(0, limit), hasMore: older.length > limit };
}

/** The API's limit on a body to be counted (token counting documentation). */
const MAX_COUNTED_BYTES = 32 * 1024 * 1024;

/** Undefined where it is not JSON, or too long. */
async function readJson(body: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes <= MAX_COUNTED_BYTES) chunks.push(chunk);
  }
  try {
    return bytes > MAX_COUNTED_BYTES ? undefined : JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    // The API does not say what was wrong with it either.
    return undefined;
  }
}

/** Which of the names are taken: all where that is not known. */
function support(names: readonly string[], taken: readonly string[] | null) {
  return Object.fromEntries(names.map((name) => [name, { supported: taken?.includes(name) ?? true }]));
}

/** A model as the Models API describes it; the sandbox knows those that have a price. */
function describeModel(model: Model) {
  const { id, line, legacy, retires, context_tokens, max_output_tokens } = model;
  return {
    type: 'model',
    id,
    line,
    lifecycle: legacy ? 'deprecated' : 'active',
    retires_at: retires === null ? null : `${retires}T00:00:00Z`,
    max_input_tokens: context_tokens,
    max_tokens: max_output_tokens,
    capabilities: {
      batch: { supported: true },
      effort: support(efforts, model.efforts),
      thinking: { types: support(thinkingTypes, model.thinking) },
    },
  };
}
