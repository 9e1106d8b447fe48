import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { budgetIn } from './budget-in.ts';
import { BYSTANDER_KEY, keys, type SoakApi } from './soak-api.ts';
import { type SoakClient, type SoakServer, startSoakClient } from './soak-client.ts';
import { env, idsOf, type SoakOptions, type SoakReport } from './soak-plan.ts';

type Judgement = Pick<SoakReport, 'tasks' | 'foreignBatches' | 'paidBatches' | 'paidTasks' | 'problems'>;

/** The whole truth of a run, from the files it wrote and the records of the API itself. */
export async function judge(
  { folder, batches }: SoakOptions,
  server: SoakServer,
  { api, url }: SoakApi,
  sentAgain: number,
): Promise<Judgement> {
  const problems: string[] = [];
  let tasks = 0;
  for (let batch = 0; batch < batches; batch += 1) {
    const ids = idsOf(batch);
    tasks += ids.length;
    const text = await readFile(path.join(folder, 'work', `${batch}.jsonl`), 'utf8');
    const lines: Record<string, unknown>[] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    if (lines.map((line) => line.task_id).join() !== ids.join())
      problems.push(`batch ${batch}: not one answer per task, in order`);
    const wrong = lines.filter((line) => line.text !== `answer ${String(line.task_id)}`);
    if (wrong.length > 0)
      problems.push(
        `batch ${batch}: ${wrong.length} tasks without the right answer, as ${JSON.stringify(wrong[0])}`,
      );
  }
  const ours = api.batches.filter(({ mark }) => mark !== null);
  const times = new Map<string, number>();
  for (const { custom_id } of ours.flatMap(({ requests }) => requests))
    times.set(custom_id, (times.get(custom_id) ?? 0) + 1);
  for (const [id, count] of times) if (count > 1) problems.push(`${id} was paid ${count} times`);
  const paidTasks = [...times.values()].reduce((sum, count) => sum + count, 0);

  const sender = `Bearer ${BYSTANDER_KEY}`;
  const byBystanders = api.requests.filter(
    ({ route, headers }) => route === 'create' && headers.authorization === sender,
  );
  if (byBystanders.length > 0)
    problems.push(`${byBystanders.length} creates of servers that must send nothing`);

  const later = await startSoakClient(server, {
    env: { ...env, ANTHROPIC_API_KEY: keys[0], ANTHROPIC_BASE_URL: url, CLOCK_MS: String(60 * 60_000) },
  });
  const listed = await listAll(later);
  if (listed.length !== batches) problems.push(`${listed.length} batches are listed, of ${batches}`);
  for (const { batch_id, processing_status } of listed)
    if (processing_status !== 'ended') problems.push(`${batch_id} is ${processing_status} an hour later`);
  await later.close();

  const [first] = listed;
  const unit = first?.cost_usd.actual / first?.request_count;
  const { spent, reserved } = await budgetIn(folder);
  const off = Math.abs(spent - unit * paidTasks);
  // A sum of dollars that were rounded once for each part.
  if (!(off < ours.length * 1e-6))
    problems.push(`the budget says ${spent} dollars, the API ${unit * paidTasks}`);
  // What a person had sent again may have been made all the same, and stays reserved.
  if (reserved > 0 && sentAgain === 0) problems.push(`${reserved} dollars are still reserved`);
  return {
    tasks,
    foreignBatches: api.batches.length - ours.length,
    paidBatches: ours.length,
    paidTasks,
    problems,
  };
}

async function listAll(client: SoakClient): Promise<Record<string, any>[]> {
  const all: Record<string, any>[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await client.call('list_batches', { limit: 50, ...(cursor && { cursor }) });
    all.push(...page.batches);
    cursor = page.next_cursor;
  }
  return all;
}
