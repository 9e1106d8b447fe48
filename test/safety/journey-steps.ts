import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toTheEnd } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, type ApiServer, succeeded } from '../api-server.ts';
import type { Reply, TestClient } from '../harness.ts';

/** Where a journey takes place. */
export type Ground = {
  api: ApiServer;
  /** The server's working folder. */
  work: string;
};

export type SetUp = (ground: Ground) => unknown;

/**
 * A whole job as an agent does it, which goes on from wherever it was broken off when it is begun again: nothing is kept
 * from one time to the next but what the tools tell.
 */
export type Journey = {
  name: string;
  /** What the API answers; how often a task was sent before stands in `times`. */
  results?: (request: ApiRequest, times: number) => object;
  /** Two clients that do it at once mean it twice. */
  isTwiceForTwo?: true;
  /** Before the first server starts. */
  setUp?: SetUp;
  /** What its servers are set to. */
  env?: (ground: Ground) => Record<string, string>;
  run(client: TestClient, ground: Ground): Promise<void>;
};

export const prompts = (ids: readonly string[]) =>
  ids.map((task_id) => ({ task_id, prompt: `say ${task_id}` }));
export const four = { requests: prompts(['a', 'b', 'c', 'd']) };
const rows = 'id,text\nq1,one\nq2,two\nq3,three\nq4,four\nq5,five\n';
export const rowsWork = { rows_file: 'rows.csv', id_column: 'id', prompt: 'What is {{text}}?' };
export const withRows = ({ work }: Ground): Promise<void> => writeFile(path.join(work, 'rows.csv'), rows);

/** Beside a work of rows: the first goes alone, and fills the cache for the others. */
export const primed = { context_files: ['contract.txt'], primer: true };
export const withContract: SetUp = async (ground) => {
  await withRows(ground);
  await writeFile(path.join(ground.work, 'contract.txt'), 'The parties agree. '.repeat(400));
};

export function answerOf(request: ApiRequest): object {
  const isPack = rowsIn(request).length > 0;
  return succeeded(
    request,
    isPack ? packAnswer(request, ({ text }) => `answer ${text}`) : `answer ${request.custom_id}`,
  );
}

/** Ends all that is at the API, until a batch has all its results. */
export async function submit(client: TestClient, ground: Ground, work: object): Promise<Reply> {
  const { batch_id } = await client.ok('submit_batch', work);
  return toTheEnd(client, ground.api, batch_id);
}

export async function fileOf(client: TestClient, { work }: Ground, batch_id: string, output_file: string) {
  if (existsSync(path.join(work, output_file))) return;
  await client.ok('get_results', { batch_id, output_file });
}

/** Ids that were made are other ones each time. */
export const withoutChance = (text: string) => text.replaceAll(/(?<=\btask_\d+)_\w{10}\b/g, '');

/** Which tasks a request holds: the ids of packs are made by chance. */
export const tasksIn = (request: ApiRequest) =>
  rowsIn(request)
    .map(({ text }) => text)
    .join('+') || withoutChance(request.custom_id);
