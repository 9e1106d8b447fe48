import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { follow, startApi } from '../api.ts';
import type { ApiRequest } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import {
  type Reply,
  type SpawnedServer,
  spawnServer,
  startServer,
  type TestClient,
  temporaryFolder,
} from '../harness.ts';
import { budgetIn } from './budget-in.ts';
import { createChance, givenSeed } from './chance.ts';
import { answerOf, type Ground, type Journey, tasksIn, withoutChance } from './journey-steps.ts';
import { journeys } from './journeys.ts';

/**
 * Kills a server at the n-th call to the disk or the network while it does a whole job, as often as `KILLS` says, and holds
 * what comes of it against the same job without a death. `SEED=7 KILLS=200 npm run kills`; `ONLY` is the number of one kill,
 * `JOURNEY` a word in the names of the jobs that are done.
 */
const seed = givenSeed();
const kills = Number(process.env.KILLS ?? 200);
const starter = bundleForTests(path.join(import.meta.dirname, 'crash-starter.ts'));
const limits = { partRequests: 2 };
const [first = journeys[0], ...others] = journeys.filter(({ name }) =>
  name.includes(process.env.JOURNEY ?? ''),
);
const done = [first, ...others] as const;
const env = { BATCH_MCP_SETTLE_SECONDS: '0.1', BATCH_MCP_DAILY_BUDGET_USD: '10' };

type Place = Ground & { folder: string; env: Record<string, string> };

async function begin(journey: Journey): Promise<Place> {
  const sent = new Map<string, number>();
  const timesOf = (id: string) => {
    const times = sent.get(id) ?? 0;
    sent.set(id, times + 1);
    return times;
  };
  const make = journey.results ?? answerOf;
  const results = (requests: ApiRequest[]) =>
    requests.toReversed().map((request) => make(request, timesOf(request.custom_id)));
  const api = await startApi({ results });
  const folder = await temporaryFolder();
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  await journey.setUp?.({ api, work });
  return { api, folder, work, env: { ...env, ...journey.env?.({ api, work }) } };
}

const spawn = ({ api, folder, env: its }: Place, more: Record<string, string>) =>
  spawnServer({
    starter: starter.path,
    folder,
    api,
    env: { ...its, LIMITS: JSON.stringify({ ...limits, downloadPauseMs: 20 }), ...more },
  });

/** All that a person, an owner and the API's bill can see of a job in the end. */
async function stateOf(client: TestClient, { api, folder }: Place): Promise<object> {
  // What a race has left unsent ends when somebody looks.
  for (const { batch_id } of (await client.ok('list_batches')).batches)
    await follow(client, batch_id, ({ progress }) => !progress);
  const { batches } = await client.ok('list_batches');
  const told: object[] = [];
  for (const { batch_id, processing_status, request_count, cost_usd } of batches.toReversed()) {
    const { results } = await client.ok('get_results', { batch_id });
    const answers = results.map(({ task_id, outcome, text }: Reply) =>
      [task_id, outcome, withoutChance(text ?? '')].join(' '),
    );
    told.push({ processing_status, request_count, actual: cost_usd?.actual ?? null, answers });
  }
  const { spent, reserved } = await budgetIn(folder);
  const paid = api.batches.map(({ requests }) => requests.map(tasksIn).join()).sort();
  return { told, paid, spent, reserved };
}

const isDeath = (error: unknown) => /Connection closed|Not connected|EPIPE/.test(String(error));

/** How many calls a job takes to the disk and the network, and how many of these need room on the disk. */
type Reference = { calls: number; needingRoom: number; state: object };
const references = new Map<string, Promise<Reference>>();

/** The job without a death: how many calls it takes, and its end. */
function referenceOf(journey: Journey): Promise<Reference> {
  const known = references.get(journey.name) ?? makeReference(journey);
  references.set(journey.name, known);
  return known;
}

async function makeReference(journey: Journey): Promise<Reference> {
  const place = await begin(journey);
  const file = path.join(place.folder, 'calls');
  const server = await spawn(place, { CALLS: file });
  await journey.run(server, place);
  const state = await stateOf(server, place);
  await server.close();
  const [calls = 0, needingRoom = 0] = (await readFile(file, 'utf8')).split(' ').map(Number);
  return { calls, needingRoom, state };
}

let startingCalls: Promise<number> | undefined;

/** How many calls the start of a server takes, until its client can talk to it. */
function startCalls(): Promise<number> {
  startingCalls ??= (async () => {
    const file = path.join(await temporaryFolder(), 'calls');
    const server = await spawnServer({ starter: starter.path, env: { CALLS: file } });
    await server.close();
    return Number.parseInt(await readFile(file, 'utf8'), 10);
  })();
  return startingCalls;
}

it.each(done)('$name goes well', async (journey) => {
  const { state } = await referenceOf(journey);
  expect(state).toMatchObject({ reserved: 0 });
});

const only = process.env.ONLY === undefined ? null : Number(process.env.ONLY);
const numbers = Array.from({ length: kills }, (_, index) => index + 1).filter((nth) => (only ?? nth) === nth);

/** One process that dies; or that stands still for a while, as another does its work; or two that die as both are at it. */
const kinds = ['death', 'stop', 'pair', 'full', 'full'] as const;
const onlyKind = process.env.KIND;

/** A process that stands still at a call, which goes on by itself; gives when it is done. */
async function goesOn(client: SpawnedServer, journey: Journey, place: Place): Promise<void> {
  await journey.run(client, place).catch((error: unknown) => {
    if (!isOvertaken(error)) throw error;
  });
}

function unlessDead(error: unknown): void {
  if (!isDeath(error)) throw error;
}

/** Lets a process go on that stands still, or will only come to that, until it is done. */
async function continued({ pid }: SpawnedServer, going: Promise<void>): Promise<void> {
  const timer = setInterval(() => process.kill(pid, 'SIGCONT'), 200);
  await going.finally(() => clearInterval(timer));
}

/** What a full disk is told as. */
const isForRoom = (error: unknown) =>
  /ENOSPC|disk is full|store_failed/.test(String(error)) && !/internal/.test(String(error));

/** Another process did it meanwhile. */
const isOvertaken = (error: unknown) =>
  isDeath(error) || /wrong_state|not_sent|already_exists/.test(String(error));

it.each(numbers)(`seed ${seed}, kill %i`, async (nth) => {
  const chance = createChance(seed * 1_000 + nth);
  const journey = chance.one(done);
  const { calls, needingRoom, state } = await referenceOf(journey);
  const place = await begin(journey);
  const kind = onlyKind ?? (journey.isTwiceForTwo ? 'death' : chance.one(kinds));
  const points: number[] = [];
  const somewhere = () => {
    const at = 1 + chance.whole(calls);
    points.push(at);
    return String(at);
  };
  let stopped: SpawnedServer | null = null;
  let going: Promise<void> | null = null;
  if (kind === 'stop') {
    // One that stands still at its start has no client yet.
    const at = String((await startCalls()) + Number(somewhere()));
    stopped = await spawn(place, { CRASH_AT_CALL: at, CRASH_WITH: 'SIGSTOP' });
    going = goesOn(stopped, journey, place);
    await Promise.race([going, sleep(chance.whole(4_000))]);
  }
  if (kind === 'pair') {
    const doomed = async () => goesOn(await spawn(place, { CRASH_AT_CALL: somewhere() }), journey, place);
    await Promise.all([doomed(), doomed()].map((each) => each.catch(unlessDead)));
  }
  if (kind === 'full') {
    const from = 1 + chance.whole(needingRoom);
    const times = chance.one([1, 2, 10, 60]);
    points.push(from, times);
    const full = await spawn(place, { FULL_AT: `${from}:${times}` });
    // With room again it goes on by itself, or another one does.
    let isDone = false;
    for (let tries = 0; tries < 60 && !isDone; tries += 1) {
      isDone = await journey.run(full, place).then(
        () => true,
        (error: unknown) => {
          if (!isForRoom(error))
            throw new Error(`${journey.name}, full at ${points.join()}`, { cause: error });
          return false;
        },
      );
    }
    await full.close();
  }
  // Who takes over dies as well, now and then.
  const deaths = kind === 'death' ? (chance.percent(30) ? 2 : 1) : 0;
  for (let death = 0; death < deaths; death += 1) {
    try {
      const doomed = await spawn(place, { CRASH_AT_CALL: somewhere() });
      await journey.run(doomed, place);
    } catch (error) {
      if (!isDeath(error)) throw new Error(`${journey.name}, killed at ${points.join()}`, { cause: error });
    }
  }
  const restarted = await startServer({ api: place.api, folder: place.folder, env: place.env, limits });
  const said = `${journey.name}, ${kind} at ${points.join()} of ${calls}`;
  try {
    const taken = journey.run(restarted, place).catch((error: unknown) => {
      if (stopped === null || !isOvertaken(error)) throw error;
    });
    if (stopped !== null && going !== null) {
      await Promise.race([taken, sleep(chance.whole(4_000))]);
      await continued(stopped, going);
    }
    await taken;
    if (stopped !== null) await journey.run(restarted, place);
    expect(await stateOf(restarted, place), said).toEqual(state);
  } catch (error) {
    process.stderr.write(`\nseed ${seed}, kill ${nth}: ${said}: ${place.folder}\n${String(error)}\n`);
    throw error;
  }
});

afterAll(() => void process.stdout.write(`\nseed ${seed}: SEED=${seed} npm run kills\n`));
