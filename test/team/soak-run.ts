import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { type ApiServer, startApiServer } from '../api-server.ts';
import { newUser, tokensFile } from '../mcp/http/http-harness.ts';
import { startS3 } from '../store/s3/s3-server.ts';
import { startFaultyWay } from './faulty-way.ts';
import type { PostgresServer } from './postgres-server.ts';
import { judge, type TeamReport } from './soak-judge.ts';
import { type Replica, startReplica } from './soak-replica.ts';

export type TeamSoak = {
  database: PostgresServer;
  /** The bundled replica: http-replica.ts. */
  script: string;
  /** Of all replicas, as a machine's home. */
  folder: string;
  batches: number;
  replicas: number;
  /** Users who submit over HTTP, each one batch after another, by whichever replica is there. */
  clients: number;
  /** Percent of all requests to the API, and to the bucket, that go wrong. */
  faults: number;
  /** On average, in milliseconds. */
  troubleEveryMs: number;
};

/** Times as slow as usual is all of it, for a machine whose cores are busy. */
const PACE = Number(process.env.TEAM_PACE ?? 1);

/** Taken for dead after three seconds, so that a freeze of five is one. */
const LIMITS = {
  aliveMs: 1_000 * PACE,
  leaseMs: 4_000 * PACE,
  longestPauseMs: 500,
  answerMs: 2_000 * PACE,
  busyMs: 5_000 * PACE,
  downloads: 8,
  downloadPauseMs: 50,
  partRequests: 20,
};
const FREEZE_MS = 5_000 * PACE;
const PATIENCE_MS = 240_000 * PACE;
/** More sizes than batches under way, for an uncertain batch is told from others by its size until it has ended. */
const SIZES = 43;
/** Of all that the work could cost, so that it has to wait for what ends. */
const BUDGET_SHARE = 0.3;

const idsOf = (batch: number) =>
  Array.from({ length: 1 + ((batch * 17) % SIZES) }, (_, n) => `b${batch}-t${n + 1}`);
const workOf = (batch: number) => ({
  model_tier: 'cheap',
  max_tokens: 50,
  requests: idsOf(batch).map((task_id) => ({ task_id, prompt: `Say ${task_id}.` })),
});

const stateRow = z.object({ at: z.unknown(), content: z.string() });
const storedRecord = z.object({
  value: z.looseObject({
    parts: z.array(
      z.looseObject({ progress: z.looseObject({ state: z.string(), results: z.unknown().optional() }) }),
    ),
  }),
});
/**
 * Replicas with workers on one database and one bucket, and clients that only submit: all else is the workers' to do, while replicas
 * are killed, ended and frozen, the database is killed, and requests to the API and the bucket go wrong. Judged by the API's own records.
 */
export async function runTeamSoak(options: TeamSoak): Promise<TeamReport> {
  const began = Date.now();
  const api = await startApiServer({ endsAtOnce: true });
  const way = await startFaultyWay(api.url, options.faults);
  const address = await options.database.newDatabase();
  const pool = new pg.Pool({ connectionString: address, max: 4 });
  pool.on('error', () => {});
  const report: TeamReport = {
    seconds: 0,
    tasks: 0,
    kills: 0,
    ends: 0,
    freezes: 0,
    restarts: 0,
    faults: 0,
    bucketFaults: 0,
    waitedForBudget: 0,
    sentAgain: 0,
    paidTasks: 0,
    problems: [],
  };
  const users = Array.from({ length: options.clients }, (_, n) => newUser(`user-${n}`));
  const tokens = path.join(options.folder, 'tokens');
  await writeFile(tokens, tokensFile(users));
  const s3 = await startS3({
    fault({ method }) {
      if (Math.random() * 100 >= options.faults) return undefined;
      report.bucketFaults += 1;
      const harm = (['busy', 'drop', 'lose', 'cut'] as const)[Math.floor(Math.random() * 4)];
      if (harm === 'cut' && method !== 'GET') return 'drop';
      return harm === 'busy' ? { status: 503, code: 'SlowDown' } : harm;
    },
  });
  const forHttp = {
    PATH: process.env.PATH ?? '',
    HOME: options.folder,
    BATCH_MCP_HTTP: '127.0.0.1:0',
    BATCH_MCP_HTTP_TOKENS: tokens,
    BATCH_MCP_DATA_DIR: path.join(options.folder, 'data'),
    LIMITS: JSON.stringify(LIMITS),
  };
  const limit = await budgetFor(options, api, users[0]?.token ?? '', forHttp);
  const env = {
    ...forHttp,
    ANTHROPIC_API_KEY: api.key,
    ANTHROPIC_BASE_URL: way.url,
    BATCH_MCP_STORE: address,
    BATCH_MCP_SETTLE_SECONDS: '0.5',
    BATCH_MCP_MAX_COST_USD: '1000',
    BATCH_MCP_DAILY_BUDGET_USD: String(limit),
    BATCH_MCP_BLOBS: `s3://${s3.bucket}/team?endpoint=${s3.endpoint}&region=${s3.region}`,
    AWS_ACCESS_KEY_ID: s3.key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.key.secretAccessKey,
  };
  const start = () => startReplica(options.script, env);
  const replicas = await Promise.all(Array.from({ length: options.replicas }, start));
  const frozen = new Set<Replica>();

  /** By a replica that answers, again and again while it is said to try again. */
  async function insist(token: string, tool: string, args: object): Promise<Record<string, any>> {
    for (const since = Date.now(); ; ) {
      const free = replicas.filter((replica) => !frozen.has(replica));
      const replica = free[Math.floor(Math.random() * free.length)];
      try {
        if (replica !== undefined) return await replica.call(token, tool, args);
      } catch (error) {
        const said = String(error);
        if (/cost_limit/.test(said)) report.waitedForBudget += 1;
        const mayPass =
          /cost_limit|store_failed|api_|fetch failed|terminated|TimeoutError|408 without a word/.test(said);
        if (!mayPass) throw error;
        if (Date.now() - since > PATIENCE_MS) throw new Error(`${tool} never succeeded: ${said}`);
      }
      await sleep(200 + Math.random() * 300);
    }
  }

  /** `gone`: it was still being prepared when its server died, and never sent. Null while the database is away. */
  async function stateOf(batchId: string): Promise<'open' | 'saved' | 'not_sent' | 'gone' | null> {
    const text = `select d.at, r.content from batch_mcp.due d join batch_mcp.record r on r.batch_id = d.batch_id
      where d.batch_id = $1 order by r.number desc limit 1`;
    const found = await pool.query(text, [batchId]).catch(() => null);
    if (found === null) return null;
    const [row] = z.array(stateRow).parse(found.rows);
    if (row === undefined) return 'gone';
    const parts = storedRecord.parse(JSON.parse(row.content)).value.parts.map(({ progress }) => progress);
    if (parts.some(({ state }) => state === 'not_sent')) return 'not_sent';
    const isSaved = parts.every(({ results }) => results !== undefined && results !== null);
    return isSaved && row.at === null ? 'saved' : 'open';
  }

  async function finish(token: string, batch: number): Promise<string> {
    const submit = async (): Promise<string> => (await insist(token, 'submit_batch', workOf(batch))).batch_id;
    let batchId = await submit();
    for (const since = Date.now(); ; ) {
      const state = await stateOf(batchId);
      if (state === 'saved') return batchId;
      if (state === 'gone') batchId = await submit();
      if (state === 'not_sent') {
        report.sentAgain += 1;
        await insist(token, 'retry_batch', { batch_id: batchId }).catch(unlessSettled);
      }
      if (Date.now() - since > PATIENCE_MS) {
        report.problems.push(`batch ${batch} (${batchId}) never ended: ${state}`);
        return batchId;
      }
      await sleep(300);
    }
  }

  let next = 0;
  const made = new Map<number, { batch_id: string; token: string }>();
  async function client(token: string): Promise<void> {
    for (let batch = next++; batch < options.batches; batch = next++) {
      made.set(batch, { batch_id: await finish(token, batch), token });
      if (made.size % 50 === 0) process.stdout.write(`${made.size} of ${options.batches} batches\n`);
    }
  }

  const stop = new AbortController();
  const making = makeTrouble();
  try {
    await Promise.all(users.map(({ token }) => client(token)));
  } catch (error) {
    stop.abort();
    await making;
    for (const replica of replicas) replica.signal('SIGKILL');
    throw error;
  }
  stop.abort();
  await making;
  const totals: Record<string, any>[] = [];
  for (const { batch_id, token } of made.values())
    totals.push(await insist(token, 'get_results', { batch_id, limit: 1 }));
  await judge({
    api,
    pool,
    limit,
    report,
    sizes: [...made.keys()].map((batch) => idsOf(batch).length),
    totals,
  });
  await Promise.all(replicas.map((replica) => replica.close()));
  await pool.end();
  way.close();
  await api.close();
  return { ...report, faults: way.wrong(), seconds: Math.round((Date.now() - began) / 1000) };

  async function makeTrouble(): Promise<void> {
    const pause = (ms: number) => sleep(ms, undefined, { signal: stop.signal }).catch(() => {});
    for (let turn = 0; !stop.signal.aborted; turn += 1) {
      await pause(options.troubleEveryMs * PACE * (0.5 + Math.random()));
      if (stop.signal.aborted) return;
      const place = Math.floor(Math.random() * replicas.length);
      const victim = replicas[place];
      if (victim === undefined) return;
      if (turn % 4 === 0) {
        await options.database.kill();
        await pause(Math.random() * 2_000);
        await options.database.start();
        report.restarts += 1;
      } else if (turn % 4 === 1) {
        frozen.add(victim);
        victim.signal('SIGSTOP');
        await sleep(FREEZE_MS);
        victim.signal('SIGCONT');
        frozen.delete(victim);
        report.freezes += 1;
      } else {
        const isEnd = turn % 4 === 2;
        victim.signal(isEnd ? 'SIGTERM' : 'SIGKILL');
        report[isEnd ? 'ends' : 'kills'] += 1;
        replicas[place] = await start();
      }
    }
  }
}

/** A share of what all of the work could cost at most, by the product's own estimate of one batch. */
async function budgetFor(
  { script, batches }: TeamSoak,
  api: ApiServer,
  token: string,
  forHttp: Readonly<Record<string, string>>,
): Promise<number> {
  const replica = await startReplica(script, {
    ...forHttp,
    ANTHROPIC_API_KEY: api.key,
    ANTHROPIC_BASE_URL: api.url,
  });
  const { cost_usd } = await replica.call(token, 'estimate_cost', workOf(1));
  await replica.close();
  const tasks = Array.from({ length: batches }, (_, batch) => idsOf(batch).length);
  const each = z.number().parse(cost_usd.maximum) / idsOf(1).length;
  return each * tasks.reduce((sum, count) => sum + count, 0) * BUDGET_SHARE;
}

/** What is settled meanwhile is refused: the workers go on with it. What was taken away before it was sent is submitted again. */
function unlessSettled(error: unknown): void {
  if (!/wrong_state|not_found/.test(String(error))) throw error;
}
