import { setTimeout as sleep } from 'node:timers/promises';
import { type Receiver, startReceiver } from '../receiver.ts';
import { ServerDied, type SoakClient, startSoakClient } from './soak-client.ts';

export type TellingOptions = {
  /** The built server. */
  server: string;
  folder: string;
  batches: number;
  processes: number;
  /** Of so many messages that arrive one is never answered, and who sent it is killed. */
  killEvery: number;
  /** So many are killed in all. */
  kills: number;
};

export type TellingReport = { told: number; kills: number; problems: string[] };

/** Whoever is slower than this to note what the receiver answered is told apart from one that was killed. */
const ANSWER_MS = 20;
const PATIENCE_MS = 90_000;

/**
 * Lets several processes look at batches that have ended, kills some in the middle of telling, goes on with others, and looks
 * at the end how often each batch was told. A message counts once it was answered; the one who was told twice of a batch
 * was so only where the first that told it was killed before it could write that down.
 */
export async function runTelling(options: TellingOptions): Promise<TellingReport> {
  const { server, folder, batches, processes, killEvery, kills } = options;
  const sandbox = { BATCH_MCP_PROVIDER: 'sandbox', BATCH_MCP_SANDBOX_SECONDS: '0.1' };
  const submitter = await startSoakClient({ script: server, folder }, { env: sandbox });
  const ids: string[] = [];
  for (let batch = 0; batch < batches; batch += 1) {
    const requests = [{ task_id: 'a', prompt: `Say ${batch}.` }];
    ids.push((await submitter.call('submit_batch', { requests })).batch_id);
  }
  await submitter.close();

  const clients = new Map<string, SoakClient>();
  const killed = new Set<string>();
  const tellers = new Map<string, string[]>();
  let arrived = 0;
  const receiver: Receiver = await startReceiver(({ headers, body }, response) => {
    const name = String(headers['x-process']);
    arrived += 1;
    if (arrived % killEvery === 0 && killed.size < kills) {
      killed.add(name);
      clients.get(name)?.signal('SIGKILL');
      return;
    }
    setTimeout(() => {
      if (killed.has(name)) return;
      tellers.set(body.batch_id, [...(tellers.get(body.batch_id) ?? []), name]);
      response.end();
    }, ANSWER_MS);
  });

  let started = 0;
  async function lookAtAll(): Promise<void> {
    started += 1;
    const name = `p${started}`;
    const client = await startSoakClient(
      { script: server, folder },
      {
        env: {
          ...sandbox,
          BATCH_MCP_NOTIFY: receiver.url,
          BATCH_MCP_NOTIFY_HEADERS: JSON.stringify({ 'x-process': name }),
        },
      },
    );
    clients.set(name, client);
    try {
      const until = performance.now() + PATIENCE_MS;
      while (tellers.size < batches && performance.now() < until) {
        for (const batch_id of inAnyOrder(ids)) await client.call('batch_status', { batch_id });
        await sleep(ANSWER_MS);
      }
    } catch (error) {
      if (!(error instanceof ServerDied)) throw error;
    }
    if (killed.has(name)) return lookAtAll();
    await client.close();
  }
  try {
    await Promise.all(Array.from({ length: processes }, lookAtAll));
  } finally {
    for (const client of clients.values()) client.signal('SIGKILL');
    await receiver.close();
  }
  const problems = ids.flatMap((id) => {
    const by = tellers.get(id) ?? [];
    const again = by.slice(0, -1).filter((name) => !killed.has(name));
    if (by.length > 0 && again.length === 0) return [];
    return [`${id} was told ${by.length} times (${by.join(', ')})`];
  });
  return { told: tellers.size, kills: killed.size, problems };
}

const inAnyOrder = (ids: readonly string[]) =>
  ids
    .map((id) => ({ id, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ id }) => id);
