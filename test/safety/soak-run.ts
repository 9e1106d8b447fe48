import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle } from '../bundle.ts';
import { ownId } from '../marks.ts';
import { ServerDied, type SoakClient, startSoakClient } from './soak-client.ts';

export type SoakOptions = {
  folder: string;
  batches: number;
  processes: number;
  /** Percent of all requests to the sandbox that go wrong. */
  faults: number;
  /** How often a process is killed, in milliseconds on average. */
  killEveryMs: number;
  /** Told how many batches are done. */
  onDone?: (done: number) => void;
};

export type SoakReport = {
  tasks: number;
  kills: number;
  /** How often a person had to say which of the sandbox's batches is ours. */
  resolved: number;
  /** The sandbox's batches, and how many tasks were paid: those of all of them. */
  paidBatches: number;
  paidTasks: number;
  /** Tasks that were paid more than once, or have not exactly one answer, in their place. */
  problems: string[];
};

/** More sizes than batches under way, and some above the 60 requests of a part. */
const SIZES = 97;
/** A batch that takes longer never ends. */
const PATIENCE_MS = 120_000;

const idsOf = (batch: number) =>
  Array.from({ length: 1 + ((batch * 37) % SIZES) }, (_, n) => `b${batch}-t${n + 1}`);

/**
 * Submits batches from several processes at once through a faulty sandbox, kills the processes at random, goes on
 * with others, and looks at the end whether anything was lost, doubled or paid twice.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { folder, batches, processes, faults, killEveryMs, onDone } = options;
  const report: SoakReport = { tasks: 0, kills: 0, resolved: 0, paidBatches: 0, paidTasks: 0, problems: [] };
  const server = await bundle(path.join(import.meta.dirname, 'soak-server.ts'), path.join(folder, 'server'));
  const clients = new Set<SoakClient>();
  const begun = new Map<number, number>();
  const known = new Map<number, string>();
  let next = 0;
  let done = 0;

  async function start(): Promise<SoakClient> {
    const client = await startSoakClient(server, folder, {
      BATCH_MCP_SETTLE_SECONDS: '0.3',
      FAULTS: String(faults),
    });
    clients.add(client);
    return client;
  }

  /** One batch from its submission to its file. Whatever was begun before a death is found again by its work. */
  async function finish(client: SoakClient, batch: number): Promise<void> {
    const work = { requests: idsOf(batch).map((task_id) => ({ task_id, prompt: `Say ${task_id}.` })) };
    const since = begun.get(batch) ?? Date.now();
    begun.set(batch, since);
    let { batch_id, ...status } = await client.call('submit_batch', work);
    if ((known.get(batch) ?? batch_id) !== batch_id) report.problems.push(`batch ${batch} got another id`);
    known.set(batch, batch_id);
    while (status.results_state !== 'saved') {
      if (Date.now() - since > PATIENCE_MS)
        throw new Error(`batch ${batch} never ended: ${JSON.stringify(status)}`);
      if (status.processing_status === 'not_sent')
        await client.call('retry_batch', { batch_id }).catch(unlessSettled);
      if (status.processing_status === 'unconfirmed' && !status.progress)
        await askThePerson(client, batch_id);
      ({ ...status } = await client.call('batch_status', { batch_id, wait_seconds: 5 }));
    }
    const output_file = `${batch}.jsonl`;
    const written = await exists(path.join(folder, 'work', output_file));
    if (!written) await client.call('get_results', { batch_id, output_file });
  }

  /** What is uncertain and has several candidates is for a person to say, who can look at the console. */
  async function askThePerson(client: SoakClient, batch_id: string): Promise<void> {
    const { warnings } = await client.call('batch_status', { batch_id });
    if (!/It could be msgbatch_/.test(warnings.join(' '))) return;
    const wanted = await waitingPart(folder, batch_id);
    const all = await paid(folder);
    const ours = all.find(({ ids }) => ids.join() === wanted.join());
    report.resolved += 1;
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
  const killing = (async () => {
    while (!stop.signal.aborted) {
      await sleep(killEveryMs * (0.5 + Math.random()), undefined, { signal: stop.signal }).catch(() => {});
      const victim = [...clients][Math.floor(Math.random() * clients.size)];
      if (stop.signal.aborted || !victim) continue;
      victim.kill();
      clients.delete(victim);
      report.kills += 1;
    }
  })();
  try {
    await Promise.all(Array.from({ length: processes }, lane));
  } finally {
    stop.abort();
    await killing;
    await Promise.all([...clients].map((client) => client.close()));
  }
  await judge(options, report);
  return report;
}

async function judge({ folder, batches }: SoakOptions, report: SoakReport): Promise<void> {
  for (let batch = 0; batch < batches; batch += 1) {
    const ids = idsOf(batch);
    report.tasks += ids.length;
    const text = await readFile(path.join(folder, 'work', `${batch}.jsonl`), 'utf8');
    const lines: { task_id: string; outcome: string }[] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    if (lines.map((line) => line.task_id).join() !== ids.join())
      report.problems.push(`batch ${batch}: not one answer per task, in order`);
    const failed = lines.filter(({ outcome }) => outcome !== 'succeeded').length;
    if (failed > 0) report.problems.push(`batch ${batch}: ${failed} tasks without a finished answer`);
  }
  const all = await paid(folder);
  report.paidBatches = all.length;
  const times = new Map<string, number>();
  for (const id of all.flatMap(({ ids }) => ids)) times.set(id, (times.get(id) ?? 0) + 1);
  report.paidTasks = [...times.values()].reduce((sum, count) => sum + count, 0);
  for (const [id, count] of times) if (count > 1) report.problems.push(`${id} was paid ${count} times`);
}

/** The sandbox's batches, from its own files. */
async function paid(folder: string): Promise<{ id: string; ids: string[] }[]> {
  const root = path.join(folder, 'data', 'sandbox');
  const names = (await readdir(root)).filter((name) => name.startsWith('msgbatch_'));
  return Promise.all(
    names.map(async (id) => ({ id, ids: await idsIn(path.join(root, id, 'requests.json')) })),
  );
}

async function idsIn(body: string): Promise<string[]> {
  const { requests }: { requests: { custom_id: string }[] } = JSON.parse(await readFile(body, 'utf8'));
  return requests.map(({ custom_id }) => ownId(custom_id));
}

/** The ids of the part of which it is not certain what became of it. */
async function waitingPart(folder: string, batchId: string): Promise<string[]> {
  const batch = path.join(folder, 'data', 'batches', batchId);
  const newest = (await readdir(path.join(batch, 'record'))).sort().at(-1) ?? '';
  const { value } = JSON.parse(await readFile(path.join(batch, 'record', newest), 'utf8'));
  const part = value.parts.find((each: any) => each.progress.state === 'unconfirmed');
  if (!part) return [];
  return idsIn(path.join(batch, `part-${String(part.number).padStart(4, '0')}.requests.json`));
}

/** What is settled meanwhile is refused: the next look tells. */
function unlessSettled(error: unknown): void {
  if (!/wrong_state/.test(String(error))) throw error;
}

async function exists(file: string): Promise<boolean> {
  return (await readdir(path.dirname(file))).includes(path.basename(file));
}
