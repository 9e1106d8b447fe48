import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ApiRequest } from '../api-server.ts';
import { createDesk, run } from '../cli/run-binary.ts';
import { parseCsv } from '../csv.ts';
import { startServer } from '../harness.ts';
import { long } from '../long.ts';
import { sharedData } from '../shared-data.ts';
import { type Agent, play, type Stage, setUp, wholeJob } from './play.ts';

// The first job on real questions, in all the ways that it can be handed in.

const questions = sharedData('banking77/test.csv');
const categories = sharedData('banking77/categories.json');
const prompt = "Which topic is this bank customer's question about?\n\n{{text}}";
const work = {
  rows_file: 'test.csv',
  labels: 'categories.json',
  prompt,
  model_tier: 'cheap',
  expect: { label: 'category' },
};

type Questions = { right: ReadonlyMap<string, string>; labels: string[]; rows: string[][] };

async function readQuestions(): Promise<Questions> {
  const [, ...rows] = parseCsv(await readFile(questions.file, 'utf8'));
  const labels: string[] = JSON.parse(await readFile(categories.file, 'utf8'));
  return { right: new Map(rows.map(([text = '', category = '']) => [text, category])), labels, rows };
}

/** The question of a request, and a label for it: the right one, but in one of nine. */
const answerTo = ({ right, labels }: Questions) => {
  return ({ params }: ApiRequest, index: number): string => {
    const [, written = ''] = /question about\?\\n\\n(.*?[^\\])"/.exec(JSON.stringify(params.messages)) ?? [];
    const known = right.get(JSON.parse(`"${written}"`)) ?? '';
    const label = index % 9 === 0 ? labels[(labels.indexOf(known) + 1) % labels.length] : known;
    return JSON.stringify({ label });
  };
};

async function withQuestions(): Promise<Stage & { asked: Questions }> {
  const asked = await readQuestions();
  const stage = await setUp({}, answerTo(asked));
  await copyFile(questions.file, path.join(stage.server.work, 'test.csv'));
  await copyFile(categories.file, path.join(stage.server.work, 'categories.json'));
  return { ...stage, asked };
}

test(
  '1: 3,080 questions come back with their labels, compared with the right ones',
  long,
  async ({ skip }) => {
    if (questions.missing) skip(questions.missing);
    const { server, asked } = await withQuestions();
    await play('1 banking77', server, async (agent) => {
      const summary = await wholeJob(agent, work, { output_file: 'labelled.csv' });
      expect(summary.totals).toMatchObject({ total: 3080, succeeded: 3080 });
      expect(summary.expected).toMatchObject({ matches: 2737, of: 3080, share: 0.8886 });
      expect(summary.expected.worst).toHaveLength(5);
    });
    const [head = [], ...rows] = parseCsv(await readFile(path.join(server.work, 'labelled.csv'), 'utf8'));
    expect(head).toEqual(expect.arrayContaining(['task_id', 'outcome', 'text', 'category', 'label']));
    const at = (name: string) => head.indexOf(name);
    expect(rows.map((row) => [row[at('text')], row[at('category')]])).toEqual(asked.rows);
    const wrong = rows.filter((row) => row[at('label')] !== row[at('category')]);
    expect(wrong).toHaveLength(343);
  },
);

test('1: a pilot of 100 of them is not paid twice', long, async ({ skip }) => {
  if (questions.missing) skip(questions.missing);
  const { server, api } = await withQuestions();
  await play('1 pilot, then all', server, async (agent) => {
    await pilotOf(agent);
    const { batch_id, reused } = await agent.call('submit_batch', { ...work, output_file: 'all.csv' });
    expect(reused.count).toBe(100);
    const summary = await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    expect(summary.outcomes.succeeded).toBe(3080);
  });
  expect(api.creates.reduce((sum, { requests }) => sum + requests.length, 0)).toBe(3080);
  const [head = [], ...rows] = parseCsv(await readFile(path.join(server.work, 'all.csv'), 'utf8'));
  // The first 100 of the sorted table hold 3 of its 77 topics.
  expect(new Set(rows.map((row) => row[head.indexOf('label')])).size).toBe(77);
});

async function pilotOf(agent: Agent): Promise<void> {
  const { batch_id } = await agent.call('submit_batch', { ...work, max_tasks: 100 });
  await agent.call('batch_status', { batch_id, wait_seconds: 20 });
}

test('1: the same by a task type of one’s own, and at the terminal', long, async ({ skip }) => {
  if (questions.missing) skip(questions.missing);
  const { api, asked } = await withQuestions();
  const desk = await createDesk({ ANTHROPIC_API_KEY: api.key, ANTHROPIC_BASE_URL: api.url });
  await copyFile(questions.file, path.join(desk.folder, 'test.csv'));
  await copyFile(categories.file, path.join(desk.folder, 'categories.json'));
  const settings = ['--labels', 'categories.json', '--prompt', prompt, '--model-tier', 'cheap'];
  const compared = ['--expect', '{"label": "category"}'];
  const ran = await run(desk, ['run', 'test.csv', 'out.csv', ...settings, ...compared, '--yes']);
  expect(ran.code, ran.stderr).toBe(0);
  const atTerminal = parseCsv(await readFile(path.join(desk.folder, 'out.csv'), 'utf8'));
  expect(atTerminal).toHaveLength(3081);

  const schema = { type: 'object', properties: { label: { type: 'string', enum: asked.labels } } };
  const closed = { ...schema, required: ['label'], additionalProperties: false };
  const head = `---\ndescription: The topic of a question.\nfields: { text: the question }\ntier: cheap\neffort: low\noutput_schema: ${JSON.stringify(closed)}\n---\n`;
  await writeFile(path.join(desk.folder, 'topic.md'), `${head}${prompt}\n`);
  const server = await startServer({ api, argv: ['--templates', desk.folder] });
  await copyFile(questions.file, path.join(server.work, 'test.csv'));
  await play('1 own task type', server, async (agent) => {
    const own = { rows_file: 'test.csv', task_type: 'topic', expect: work.expect };
    const summary = await wholeJob(agent, own, { output_file: 'out.csv' });
    expect(summary.totals.succeeded).toBe(3080);
  });
  expect(parseCsv(await readFile(path.join(server.work, 'out.csv'), 'utf8'))).toEqual(atTerminal);
});
