import { z } from 'zod';
import { type EndedBatch, endedBatch, prompts } from './api.ts';
import { type ApiRequest, type ApiServer, errored, succeeded, unfinished } from './api-server.ts';
import type { Reply, ServerOptions, TestServer } from './harness.ts';

/** What the API makes of a task, each time that it is sent: the last stands for all further times. */
export type Script = Record<string, readonly Fate[]>;

export type Fate =
  | 'ok'
  /** An answer that reads as JSON. */
  | 'json'
  | 'cut'
  | 'refused'
  | 'expired'
  | 'canceled'
  | 'overloaded'
  | 'invalid'
  /** No line at all. */
  | 'missing';

function lineOf(request: ApiRequest, fate: Fate, time: number): object[] {
  const text = `${fate} ${request.custom_id} ${time}`;
  switch (fate) {
    case 'ok':
      return [succeeded(request, text)];
    case 'json':
      return [succeeded(request, JSON.stringify({ time }))];
    case 'cut':
      return [succeeded(request, text, { stop_reason: 'max_tokens' })];
    case 'refused':
      return [succeeded(request, text, { stop_reason: 'refusal' })];
    case 'expired':
    case 'canceled':
      return [unfinished(request, fate)];
    case 'overloaded':
      return [errored(request, 'overloaded_error', 'Overloaded')];
    case 'invalid':
      return [errored(request, 'invalid_request_error', 'thinking: is not supported')];
    case 'missing':
      return [];
  }
}

/** Results after a script, in an order that is not the caller's. */
export function scripted(script: Script): (requests: ApiRequest[]) => object[] {
  const sent = new Map<string, number>();
  return (requests) =>
    requests.toReversed().flatMap((request) => {
      const time = (sent.get(request.custom_id) ?? 0) + 1;
      sent.set(request.custom_id, time);
      const fates = script[request.custom_id] ?? ['ok'];
      return lineOf(request, fates[Math.min(time, fates.length) - 1] ?? 'ok', time);
    });
}

/** A batch of the script's tasks whose first attempt has ended. */
export function scriptedBatch(
  script: Script,
  options: { server?: ServerOptions; submit?: object; requests?: readonly object[] } = {},
): Promise<EndedBatch> {
  return endedBatch(options.requests ?? prompts(Object.keys(script)), scripted(script), options);
}

/** Retries, and lets the new attempt end. */
export async function retryToTheEnd(
  { api, server, batch_id }: EndedBatch,
  options: object = {},
): Promise<Reply> {
  const reply = await server.ok('retry_batch', { batch_id, ...options });
  api.endAll();
  return reply;
}

/** The ids of the requests of a create, in the order in which they were sent. */
export function sentIds(api: ApiServer, create: number): string[] {
  return (api.creates[create]?.requests ?? []).map(({ custom_id }) => custom_id);
}

/** The params of a task in a create. */
export function sentParams(api: ApiServer, create: number, id: string): Record<string, unknown> {
  return api.creates[create]?.requests.find(({ custom_id }) => custom_id === id)?.params ?? {};
}

/** Outcome by task, in the order of the reply. */
export async function outcomesByTask(server: TestServer, batch_id: string): Promise<Record<string, string>> {
  const { results } = await server.ok('get_results', { batch_id, detail: 'concise' });
  const answers = z.array(z.looseObject({ task_id: z.string(), outcome: z.string() })).parse(results);
  return Object.fromEntries(answers.map(({ task_id, outcome }) => [task_id, outcome]));
}
