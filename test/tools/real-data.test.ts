import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { allPages, follow, startCheckedServer } from '../api.ts';
import { parseCsv } from '../csv.ts';
import { long } from '../long.ts';
import { sharedData } from '../shared-data.ts';

const logs = sharedData('logs/Apache_2k.log');
const questions = sharedData('banking77/test.csv');

/** Every page of a batch's answers, to the end. */
test('2,000 lines of a real log, as 20 tasks of analyze_logs', async ({ skip }) => {
  if (logs.missing) skip(logs.missing);
  const lines = (await readFile(logs.file, 'utf8')).split('\n').filter((line) => line !== '');
  expect(lines).toHaveLength(2000);
  const requests = Array.from({ length: 20 }, (_, index) => ({
    task_id: `lines ${index * 100 + 1} to ${index * 100 + 100}`,
    input_data: { logs: lines.slice(index * 100, index * 100 + 100).join('\n') },
  }));

  const server = await startCheckedServer();
  const { batch_id } = await server.ok('submit_batch', {
    requests,
    task_type: 'analyze_logs',
    sandbox: true,
  });
  await follow(server, batch_id);
  const results = await server.ok('get_results', { batch_id });

  expect(results.totals).toMatchObject({ total: 20, succeeded: 20 });
  const answers = await allPages(server, { batch_id, detail: 'full' });
  expect(answers.map(({ task_id }) => task_id)).toEqual(requests.map(({ task_id }) => task_id));
});

test('3,080 real questions as tasks of a custom type', long, async ({ skip }) => {
  if (questions.missing) skip(questions.missing);
  const [, ...rows] = parseCsv(await readFile(questions.file, 'utf8'));
  expect(rows).toHaveLength(3080);
  // No legal custom_id, all of them: the answers have to find their way back from ids that are made.
  const tasks = rows.map(([question], index) => ({
    task_id: `test.csv, row ${index + 1}`,
    task_type: 'banking_intent',
    input_data: { question },
  }));
  const server = await startCheckedServer();
  await writeFile(
    path.join(server.work, 'questions.jsonl'),
    tasks.map((task) => JSON.stringify(task)).join('\n'),
  );

  const { batch_id } = await server.ok('submit_batch', {
    requests_file: 'questions.jsonl',
    model_tier: 'cheap',
    output_file: 'answers.jsonl',
    sandbox: true,
  });
  const status = await follow(server, batch_id);
  expect(status).toMatchObject({
    processing_status: 'ended',
    outcomes: { pending: 0, succeeded: 3080 },
    output_files: [path.join(server.work, 'answers.jsonl')],
  });

  const answers = await allPages(server, { batch_id, detail: 'full' });
  expect(answers.map(({ task_id }) => task_id)).toEqual(tasks.map(({ task_id }) => task_id));
  // The sandbox's answer names the id that the request went out under.
  expect(answers.filter(({ text, custom_id }) => !text.includes(`"${custom_id}"`))).toEqual([]);
  expect(new Set(answers.map(({ custom_id }) => custom_id)).size).toBe(3080);

  const jsonl = await readFile(path.join(server.work, 'answers.jsonl'), 'utf8');
  expect(
    jsonl
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(answers);

  await server.ok('get_results', { batch_id, output_file: 'answers.csv' });
  const [head, ...csv] = parseCsv(await readFile(path.join(server.work, 'answers.csv'), 'utf8'));
  expect(head?.slice(0, 3)).toEqual(['task_id', 'outcome', 'answer']);
  expect(csv.map((row) => row.slice(0, 3))).toEqual(
    answers.map(({ task_id, outcome, text }) => [task_id, outcome, text]),
  );
});
