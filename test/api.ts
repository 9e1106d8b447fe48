import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import {
  type ApiRequest,
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
  succeeded,
} from './api-server.ts';
import { type Reply, type ServerOptions, startServer, type TestClient, type TestServer } from './harness.ts';

/** A stand-in for the API, closed with the test. */
export async function startApi(options: ApiServerOptions = {}): Promise<ApiServer> {
  const api = await startApiServer(options);
  onTestFinished(() => api.close());
  return api;
}

/** A server before that API whose client checks every reply against the schema that the tool advertises. */
export async function startCheckedServer(options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer(options);
  await server.client.listTools();
  return server;
}

/** A task per id, with a prompt of its own. */
export function prompts(ids: readonly string[]): { task_id: string; prompt: string }[] {
  return ids.map((task_id) => ({ task_id, prompt: `The question of ${task_id}.` }));
}

/** `count` ids: t001, t002, … */
export function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `t${String(index + 1).padStart(3, '0')}`);
}

/** Results that give every request this text. */
export function answering(text: string): (requests: ApiRequest[]) => object[] {
  return (requests) => requests.map((request) => succeeded(request, text));
}

export type EndedBatch = { api: ApiServer; server: TestServer; batch_id: string };

/** A batch of these tasks at a stand-in for the API, where it has ended with these results. Not yet looked at. */
export async function endedBatch(
  requests: readonly object[],
  results: ApiServerOptions['results'],
  options: { server?: ServerOptions; submit?: object } = {},
): Promise<EndedBatch> {
  const api = await startApi(results === undefined ? {} : { results });
  const server = await startCheckedServer({ api, ...options.server });
  const { batch_id, processing_status } = await server.ok('submit_batch', { requests, ...options.submit });
  // What a busy machine has not sent yet can't end.
  if (processing_status === 'submitting')
    await follow(server, batch_id, (status) => status.processing_status !== 'submitting');
  api.endAll();
  return { api, server, batch_id };
}

/** Whether a look found all results saved, and nothing going on. */
export const isSaved = ({ results_state, progress }: Reply) => results_state === 'saved' && !progress;

/** Longer than anything takes on a busy machine, and shorter than a test may last. */
const PATIENCE_MS = 90_000;

/** Looks at a batch until a look finds it as expected, which is with all results saved; gives that look. */
export async function follow(
  client: TestClient,
  batchId: string,
  isExpected: (status: Reply) => boolean = isSaved,
): Promise<Reply> {
  const start = performance.now();
  for (;;) {
    const status = await client.ok('batch_status', { batch_id: batchId });
    if (isExpected(status)) return status;
    if (performance.now() - start > PATIENCE_MS) {
      throw new Error(`It never came to that. The last look: ${JSON.stringify(status, null, 2)}`);
    }
    await sleep(20);
  }
}

/** Looks at a batch until nothing of it is to come; whatever the API has by then is ended before each look. */
export function toTheEnd(client: TestClient, api: ApiServer, batchId: string): Promise<Reply> {
  return follow(client, batchId, (seen) => {
    api.endAll();
    const { processing_status } = seen;
    return processing_status === 'not_sent' || (processing_status === 'ended' && isSaved(seen));
  });
}

/** The ids of what the API was sent, batch by batch. */
export const sentIds = ({ batches }: ApiServer): string[][] =>
  batches.map(({ requests }) => requests.map(({ custom_id }) => custom_id));

/** What a request says, with what its JSON adds. */
export const messagesText = ({ params }: ApiRequest): string => JSON.stringify(params.messages);

/** All answers of a batch that `get_results` gives with these arguments, page after page. */
export async function allPages(client: TestClient, args: object): Promise<Reply[]> {
  const found: Reply[] = [];
  let cursor: string | null = null;
  do {
    const page: Reply = await client.ok('get_results', { ...args, limit: 200, ...(cursor && { cursor }) });
    found.push(...page.results);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}
