import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { follow, isSaved } from '../api.ts';
import { type ApiServer, reset, startApiServer } from '../api-server.ts';
import { bundleForTests } from '../bundle.ts';
import { type Reply, spawnServer, startServer, type TestClient } from '../harness.ts';
import { createChance, givenSeed } from './chance.ts';
import { answerOf } from './journey-steps.ts';
import { mutate } from './mutate.ts';

/**
 * Changes something in a data folder by chance, as often as `MUTATIONS` says, and does all there is to do with its batches: none but
 * the one that was changed is harmed, nothing is paid without a word, no call hangs or fails by a fault of the program.
 * `SEED=7 MUTATIONS=300 npm run mutations`; `ONLY` is the number of one mutation.
 */
const seed = givenSeed();
const mutations = Number(process.env.MUTATIONS ?? 300);
const only = process.env.ONLY === undefined ? null : Number(process.env.ONLY);
const numbers = Array.from({ length: mutations }, (_, index) => index + 1).filter(
  (nth) => (only ?? nth) === nth,
);
const starter = bundleForTests(path.join(import.meta.dirname, 'crash-starter.ts'));
const env = { BATCH_MCP_SETTLE_SECONDS: '0.05' };
const limits = { callMs: 4_000 };
const LONGEST_CALL_MS = 25_000;

const prompts = (...ids: string[]) => ({
  requests: ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` })),
});
const rowsWork = { rows_file: 'rows.csv', id_column: 'id', prompt: 'What is {{text}}?', pack: 2 };

/** What is in the folder: each with the work that it was made from. */
type Known = { id: string; work: object; answers: string[] | null };
type Before = { api: ApiServer; folder: string; known: Known[] };

const sentIds = ({ creates }: ApiServer, from: number) =>
  creates.slice(from).flatMap(({ requests }) => requests.map(({ custom_id }) => custom_id));

async function answersOf(client: TestClient, batch_id: string): Promise<string[]> {
  const { results } = await client.ok('get_results', { batch_id });
  return results.map(({ task_id, outcome, text }: Reply) => [task_id, outcome, text].join(' '));
}

/** A folder with batches in every state, and the API that knows them. Made once. */
async function makeBefore(folder: string): Promise<Before> {
  const api = await startApiServer({ results: (requests) => requests.map(answerOf) });
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  await writeFile(path.join(work, 'rows.csv'), 'id,text\nq1,one\nq2,two\nq3,three\n');
  const server = await startServer({ api, folder, env, limits });
  const known: Known[] = [];
  const submit = async (args: object) => (await server.ok('submit_batch', args)).batch_id;
  const saved = async (args: object) => {
    const id = await submit(args);
    await follow(server, id, (seen) => {
      api.endAll();
      return isSaved(seen);
    });
    known.push({ id, work: args, answers: await answersOf(server, id) });
    return id;
  };
  const first = await saved(prompts('a', 'b', 'c'));
  await saved(rowsWork);
  await saved({ from_batch: first, prompt: 'Check: {{text}}' });
  await saved({ ...prompts('o1', 'o2'), output_file: 'out.jsonl' });
  const adopted = api.make(['x', 'y']);
  api.endAll();
  const { batch_id } = await follow(server, adopted);
  known.push({ id: batch_id, work: {}, answers: await answersOf(server, batch_id) });

  const running = prompts('r1', 'r2');
  known.push({ id: await submit(running), work: running, answers: null });
  const next = { from_batch: known.at(-1)?.id, prompt: 'Then: {{text}}' };
  known.push({ id: await submit(next), work: next, answers: null });
  const lost = prompts('l1', 'l2', 'l3', 'l4');
  api.override('create', reset, { times: 1, after: true });
  known.push({ id: await submit(lost), work: lost, answers: null });
  await follow(server, known.at(-1)?.id ?? '', ({ parts }) => parts[0]?.provider_batch_id != null);
  await server.close();

  const unsent = prompts('u1', 'u2');
  const doomed = await spawnServer({
    starter: starter.path,
    folder,
    api,
    env: { ...env, CRASH_AT: 'budget.update:after:1' },
  });
  await doomed.ok('submit_batch', unsent).catch(() => {});
  return { api, folder, known: [...known, { id: '', work: unsent, answers: null }] };
}

let before: Promise<Before> | undefined;
const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-mutations-'));

afterAll(async () => {
  process.stdout.write(`\nseed ${seed}: SEED=${seed} npm run mutations\n`);
  await (await before)?.api.close();
  await rm(folder, { recursive: true });
});

it('there are batches in every state', async () => {
  before = makeBefore(folder);
  expect((await before).known.map(({ answers }) => answers?.length ?? null)).toEqual([
    3,
    3,
    3,
    2,
    2,
    null,
    null,
    null,
    null,
  ]);
});

it.each(numbers)(`seed ${seed}, mutation %i`, async (nth) => {
  const { api, known } = await (before ?? makeBefore(folder));
  const chance = createChance(seed * 1_000 + nth);
  const copy = path.join(folder, `copy-${nth}`);
  await cp(path.join(folder, 'data'), path.join(copy, 'data'), { recursive: true });
  await cp(path.join(folder, 'work'), path.join(copy, 'work'), { recursive: true });
  const made = [await mutate(path.join(copy, 'data'), chance)];
  while (chance.percent(25)) made.push(await mutate(path.join(copy, 'data'), chance));
  const told = made.map(({ path, name }) => `${path} ${name}`).join(', ');
  const said: string[] = [`seed ${seed}, mutation ${nth}: ${told}`];
  const problems: string[] = [];
  const server = await startServer({ api, folder: copy, env, limits });

  async function call(tool: string, args: object) {
    const began = performance.now();
    const answer = await server.call(tool, args);
    const ms = performance.now() - began;
    said.push(`${tool} ${JSON.stringify(args).slice(0, 100)}: ${answer.text.slice(0, 600)}`);
    if (ms > LONGEST_CALL_MS) problems.push(`${tool} took ${ms} ms`);
    if (answer.isError && answer.text.startsWith('internal')) problems.push(`${tool}: ${answer.text}`);
    return answer;
  }

  const isHarmed = (id: string) => made.some(({ path }) => path.includes(id) || path === 'batches');
  const list = await call('list_batches', {});
  if (list.isError) problems.push('list_batches fails');
  const sent = api.creates.length;
  for (const { id, work, answers } of known) {
    const before = api.creates.length;
    if (id !== '') {
      await call('batch_status', { batch_id: id });
      const { isError, reply } = await call('get_results', { batch_id: id });
      if (answers !== null && !isHarmed(id)) {
        const now = isError
          ? ['an error']
          : reply.results.map((each: Reply) => [each.task_id, each.outcome, each.text].join(' '));
        if (now.join() !== answers.join()) problems.push(`${id} is harmed: ${now.join()}`);
      }
    }
    if ('requests' in work || 'rows_file' in work || 'from_batch' in work) {
      const { isError, reply } = await call('submit_batch', work);
      // A look may go on with what waits; what is submitted again is paid again with a word of it alone.
      const again = sentIds(api, before).filter((each) => !each.startsWith('u'));
      const word = isError || JSON.stringify(reply.warnings ?? []).includes('batch_');
      if (again.length > 0 && !word) problems.push(`${again.join()} was paid without a word`);
    }
  }
  const fresh = `fresh-${nth}`;
  const { isError, text } = await call('submit_batch', prompts(fresh));
  if (isError && !/^(store_|not_allowed)/.test(text)) problems.push(`new work fails: ${text}`);
  for (const id of ['u1', 'u2', fresh])
    if (sentIds(api, sent).filter((each) => each === id).length > 1) problems.push(`${id} was paid twice`);
  await server.close();
  if (problems.length > 0) {
    const report = [...said, ...problems].join('\n');
    await writeFile(path.join(os.tmpdir(), `mutation-${seed}-${nth}.txt`), report);
  }
  expect(problems, said[0]).toEqual([]);
  await rm(copy, { recursive: true });
});
