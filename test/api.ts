import { onTestFinished } from 'vitest';
import {
  type ApiRequest,
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
  succeeded,
} from './api-server.ts';
import { type ServerOptions, startServer, type TestServer } from './harness.ts';

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
  const { batch_id } = await server.ok('submit_batch', { requests, ...options.submit });
  api.endAll();
  return { api, server, batch_id };
}
