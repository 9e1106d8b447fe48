import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle } from '../bundle.ts';
import { type Chance, createChance } from './chance.ts';
import { BYSTANDER_KEY, keys, type SoakApi, startSoakApi } from './soak-api.ts';
import { ServerDied, type SoakClient, type SoakServer, startSoakClient } from './soak-client.ts';
import { judge } from './soak-judge.ts';
import { env, idsOf, type SoakOptions, type SoakReport } from './soak-plan.ts';

/** A batch that takes longer never ends. */
const PATIENCE_MS = 180_000;
/** Of a process's clock, to both sides. */
const LARGEST_SKEW_MS = 40_000;
const LONGEST_STOP_MS = 4_000;

const settings: readonly [string[], ...string[][]] = [
  ['--read-only'],
  ['--sandbox'],
  ['--max-cost-usd', '0'],
];

/**
 * Submits batches from several processes at once through a faulty API, kills and stops the processes at random, goes on
 * with others, and looks at the end whether anything was lost, doubled or paid twice.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { folder, batches, processes, faults, killEveryMs, seed, onDone } = options;
  const chance = createChance(seed);
  const counts = { kills: 0, stops: 0, bystanders: 0, resolved: 0, sentAgain: 0 };
  const problems: string[] = [];
  const script = path.join(import.meta.dirname, 'soak-server.ts');
  const server = { script: await bundle(script, path.join(folder, 'server')), folder };
  const clients = new Set<SoakClient>();
  const begun = new Map<number, number>();
  const known = new Map<number, string>();
  let next = 0;
  let done = 0;
  const soak = await startSoakApi(
    faults,
    () => chance.whole(1_000_000) / 1_000_000,
    () =>
      // As many as a batch that is under way, under its very ids.
      next === 0 ? null : idsOf(Math.max(0, next - 1 - chance.whole(processes))).slice(0, 60),
  );

  async function start(): Promise<SoakClient> {
    const client = await startWith(server, soak, chance);
    clients.add(client);
    return client;
  }

  /** One batch from its submission to its file. Whatever was begun before a death is found again by its work. */
  async function finish(client: SoakClient, batch: number): Promise<void> {
    const work = { requests: idsOf(batch).map((task_id) => ({ task_id, prompt: `Say ${task_id}.` })) };
    const since = begun.get(batch) ?? Date.now();
    begun.set(batch, since);
    let { batch_id, ...status } = await submit(client, work);
    if ((known.get(batch) ?? batch_id) !== batch_id) problems.push(`batch ${batch} got another id`);
    known.set(batch, batch_id);
    while (status.results_state !== 'saved') {
      if (Date.now() - since > PATIENCE_MS)
        throw new Error(`batch ${batch} never ended: ${JSON.stringify(status)}`);
      if (status.processing_status === 'not_sent')
        await client.call('retry_batch', { batch_id }).catch(unlessSettled);
      if (status.processing_status === 'unconfirmed' && !status.progress)
        await askThePerson(client, batch_id);
      ({ ...status } = await client.call('batch_status', { batch_id, wait_seconds: 2 }));
    }
    const output_file = `${batch}.jsonl`;
    const written = await exists(path.join(folder, 'work', output_file));
    if (!written) await client.call('get_results', { batch_id, output_file });
  }

  /** What is uncertain and has several candidates is for a person to say, who can look at the console. */
  async function askThePerson(client: SoakClient, batch_id: string): Promise<void> {
    const { warnings } = await client.call('batch_status', { batch_id });
    if (!/It could be msgbatch_/.test(warnings.join(' '))) return;
    const named = [...warnings.join(' ').matchAll(/msgbatch_\w+/g)].map(([id]) => id);
    // Under our mark, and nobody's in the end but this batch's.
    const wanted = new Set(idsOf([...known].find(([, id]) => id === batch_id)?.[0] ?? 0));
    const ours = soak.api.batches.find(
      ({ id, mark, requests }) =>
        mark !== null && named.includes(id) && wanted.has(requests[0]?.custom_id ?? ''),
    );
    counts.resolved += 1;
    if (ours === undefined) counts.sentAgain += 1;
    await client.call('retry_batch', { batch_id, resolve: ours?.id ?? 'send_again' }).catch(unlessSettled);
  }

  async function lane(): Promise<void> {
    let client = await start();
    for (let batch = next++; batch < batches; batch = next++) {
      for (let finished = false; !finished; ) {
        try {
          await finish(client, batch);
          finished = true;
        } catch (error) {
          if (!(error instanceof ServerDied)) throw error;
          clients.delete(client);
          client = await start();
        }
      }
      done += 1;
      onDone?.(done);
    }
    clients.delete(client);
    await client.close();
  }

  const stop = new AbortController();
  const pause = (ms: number) => sleep(ms, undefined, { signal: stop.signal }).catch(() => {});

  async function harass(): Promise<void> {
    while (!stop.signal.aborted) {
      await pause(killEveryMs * (0.5 + chance.whole(1_000) / 1_000));
      const victim = [...clients][chance.whole(clients.size)];
      if (stop.signal.aborted || !victim) continue;
      if (chance.percent(50)) {
        victim.signal('SIGKILL');
        clients.delete(victim);
        counts.kills += 1;
      } else {
        victim.signal('SIGSTOP');
        counts.stops += 1;
        await pause(chance.whole(LONGEST_STOP_MS));
        victim.signal('SIGCONT');
      }
    }
  }

  /** Servers that must send nothing look at what the others are at. */
  async function standBy(): Promise<void> {
    while (!stop.signal.aborted) {
      const bystander = await startSoakClient(server, {
        argv: chance.one(settings),
        env: { ...env, ANTHROPIC_API_KEY: BYSTANDER_KEY, ANTHROPIC_BASE_URL: soak.url },
      });
      for (let look = 0; look < 20 && !stop.signal.aborted; look += 1) {
        await pause(200);
        const ids = [...known.values()].slice(-processes);
        const batch_id = ids[chance.whole(ids.length)];
        if (batch_id === undefined) continue;
        counts.bystanders += 1;
        await bystander.call('batch_status', { batch_id }).catch(unlessRefused);
      }
      await bystander.close();
    }
  }

  const around = [harass(), standBy()];
  try {
    await Promise.all(Array.from({ length: processes }, lane));
    stop.abort();
    await Promise.all(around);
    const judgement = await judge(options, server, soak, counts.sentAgain);
    return { ...counts, ...judgement, problems: [...problems, ...judgement.problems] };
  } finally {
    stop.abort();
    await Promise.allSettled(around);
    await Promise.all([...clients].map((client) => client.close()));
    await soak.close();
  }
}

/** What the API was not there for waits, and the error says as which batch. */
async function submit(client: SoakClient, work: object): Promise<Record<string, any>> {
  try {
    return await client.call('submit_batch', work);
  } catch (error) {
    const [, batch_id] = /waits as (batch_\w+)/.exec(String(error)) ?? [];
    if (batch_id === undefined) throw error;
    return client.call('batch_status', { batch_id });
  }
}

/** A process with one of the keys, and a clock of its own. */
function startWith(server: SoakServer, { url }: SoakApi, chance: Chance): Promise<SoakClient> {
  const skew = chance.whole(2 * LARGEST_SKEW_MS) - LARGEST_SKEW_MS;
  return startSoakClient(server, {
    env: {
      ...env,
      ANTHROPIC_API_KEY: chance.one(keys),
      ANTHROPIC_BASE_URL: url,
      CLOCK_MS: String(skew),
    },
  });
}

/** What is settled meanwhile is refused: the next look tells. */
function unlessSettled(error: unknown): void {
  if (!/wrong_state|invalid_input|api_/.test(String(error))) throw error;
}

/** Who must not act may be told so. */
function unlessRefused(error: unknown): void {
  if (!/wrong_state|not_allowed|not_found|api_/.test(String(error))) throw error;
}

async function exists(file: string): Promise<boolean> {
  return (await readdir(path.dirname(file))).includes(path.basename(file));
}
