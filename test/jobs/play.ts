import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { loadTokenizer } from '../../src/provider/anthropic/models/token-estimate.ts';
import { startApi } from '../api.ts';
import { type ApiRequest, type ApiServer, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { type Reply, startServer, type TestServer } from '../harness.ts';

/** What a job may take of an agent: calls, and tokens of replies that it reads. */
const MOST = { calls: 4, tokens: 3_000 };

/** An agent at a job: its calls are counted, and what it writes and reads. */
export type Agent = { call(tool: string, args?: object): Promise<Reply> };

/** Answers a request of the job, the n-th of its batch; a text is an answer that succeeded. */
export type Answers = (request: ApiRequest, index: number) => string | object;

export type Stage = { agent: Agent; server: TestServer; api: ApiServer };

/** Sets a job up: its files in the working folder, and a stand-in for the API whose batches end at once. */
export async function setUp(files: Record<string, string | Buffer>, answers: Answers): Promise<Stage> {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((request, index) => {
        const answer = answers(request, index);
        return typeof answer === 'string' ? succeeded(request, answer) : answer;
      }),
  });
  const server = await startServer({ api });
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(server.work, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return { agent: { call: (tool, args) => server.ok(tool, args) }, server, api };
}

/** Plays the agent's part of a job, within what a job may take. */
export async function play(
  job: string,
  server: TestServer,
  part: (agent: Agent) => Promise<void>,
): Promise<void> {
  const count = await loadTokenizer();
  const taken = { calls: 0, written: 0, tokens: 0 };
  await part({
    async call(tool, args = {}) {
      const { isError, text, reply } = await server.call(tool, args);
      expect(isError, text).toBe(false);
      taken.calls += 1;
      taken.written += JSON.stringify(args).length;
      taken.tokens += Math.round(count(text));
      return reply;
    },
  });
  const { calls, written, tokens } = taken;
  // Not behind all: files that share a worker share this module, and its hooks would be of the first of them alone.
  process.stdout.write(`${job}: ${calls} calls, ${written} characters written, ${tokens} tokens read\n`);
  expect(taken.calls, job).toBeLessThanOrEqual(MOST.calls);
  expect(taken.tokens, job).toBeLessThanOrEqual(MOST.tokens);
}

/** Estimates work, submits it by its id, follows it to its end and reads the summary. */
export async function wholeJob(agent: Agent, work: object, how: object): Promise<Reply> {
  const { work_id } = await agent.call('estimate_cost', work);
  const { batch_id } = await agent.call('submit_batch', { work_id, ...how });
  const status = await agent.call('batch_status', { batch_id, wait_seconds: 20 });
  expect(status).toMatchObject({ processing_status: 'ended', results_state: 'saved' });
  return agent.call('get_results', { batch_id, detail: 'summary' });
}

/** The rows of a CSV that a job has written, by column. */
export async function readTable(server: TestServer, name: string): Promise<Record<string, string>[]> {
  const [head = [], ...rows] = parseCsv(await readFile(path.join(server.work, name), 'utf8'));
  return rows.map((row) => Object.fromEntries(head.map((column, index) => [column, row[index] ?? ''])));
}

/** So many entries. */
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Files under numbered names. */
export function filesOf(count: number, entry: (index: number) => [name: string, content: string | Buffer]) {
  return Object.fromEntries(times(count, entry));
}

/** A CSV of these rows. */
export const csvOf = (columns: string[], rows: (string | number)[][]) =>
  [columns, ...rows].map((row) => `${row.join(',')}\n`).join('');
