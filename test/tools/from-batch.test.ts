import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { messagesText, startApi, startCheckedServer } from '../api.ts';
import { type ApiRequest, type ApiServer, errored, succeeded, unfinished } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { eachNth, long } from '../long.ts';

const table = 'id,text,place\na,First article,Ulm\nb,Second article,Bonn\nc,Third article,Kiel\n';
const rows = { rows_file: 't.csv', id_column: 'id', prompt: 'Sum up: {{text}}' };

/** A server with an ended batch, whose answers are these. */
async function after(answers: (string | ((request: ApiRequest) => object))[], work: object = rows) {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((request, index) => {
        const answer = api.batches.length === 0 ? answers[index] : `then ${request.custom_id}`;
        return typeof answer === 'function' ? answer(request) : succeeded(request, answer ?? 'fine');
      }),
  });
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 't.csv'), table);
  const { batch_id } = await server.ok('submit_batch', { ...work, name: 'Summaries' });
  await server.ok('batch_status', { batch_id, wait_seconds: 20 });
  const prompts = () => api.creates[1]?.requests.map(messagesText) ?? [];
  return { api, server, batch_id, prompts };
}

const ids = (api: ApiServer, batch: number) => api.creates[batch]?.requests.map(({ custom_id }) => custom_id);
const schema = { type: 'object', properties: { n: { type: 'number' }, who: { type: 'object' } } };

describe('from_batch', () => {
  it('makes a task of each finished answer, under its id, beside its row', async () => {
    const { api, server, batch_id } = await after([
      'One.',
      (request) => errored(request, 'api_error', 'Oh.'),
      'Three.',
    ]);
    const work = { from_batch: batch_id, prompt: '{{text}} / {{place}} / {{row.text}}' };
    const estimate = await server.ok('estimate_cost', work);
    expect(estimate).toMatchObject({
      request_count: 2,
      matched: {
        answers: 2,
        columns: ['id', 'text', 'place', 'row'],
        skipped: '1 task without a finished answer',
      },
    });
    const sent = await server.ok('submit_batch', { work_id: estimate.work_id, output_file: 'o.csv' });
    expect(sent).toMatchObject({ request_count: 2, name: 'from Summaries: 2 tasks' });
    expect(ids(api, 1)).toEqual(['a', 'c']);
    expect(api.creates[1]?.requests.map(messagesText)).toEqual([
      expect.stringContaining('One. / Ulm / First article'),
      expect.stringContaining('Three. / Kiel / Third article'),
    ]);
    await server.ok('batch_status', { batch_id: sent.batch_id, wait_seconds: 20 });
    const csv = parseCsv(await readFile(path.join(server.work, 'o.csv'), 'utf8'));
    expect(csv[0]).toEqual(expect.arrayContaining(['id', 'text', 'place', 'earlier.text', 'answer']));
    expect(csv[1]).toEqual(expect.arrayContaining(['First article', 'One.', 'then a']));
    const again = await server.ok('submit_batch', work);
    expect(again).toMatchObject({ batch_id: sent.batch_id, duplicate: true });
  });

  eachNth<[prompt: string, sent: string]>(6, [
    ['{{json.n}}', '12345678901234567890'],
    ['{{json.who.name}} of {{place}}', 'Ann of Ulm'],
    ['{{json}}', '{\\"n\\":12345678901234567890,\\"who\\":{\\"name\\":\\"Ann\\"}}'],
    ['{{text}}', '{\\"n\\":12345678901234567890,\\"who\\":{\\"name\\":\\"Ann\\"}}'],
    ['Judge.', '<n>\\n12345678901234567890\\n</n>'],
  ])('fills %s from an answer that is JSON', async (prompt, sent) => {
    const first = '{"n":12345678901234567890,"who":{"name":"Ann"}}';
    const { server, prompts } = await after([first, first, first], { ...rows, output_schema: schema });
    await server.ok('submit_batch', { from_batch: 'last', prompt });
    expect(prompts()[0]).toContain(sent);
  });

  eachNth<[what: string, args: object, field: string, said: RegExp]>(12, [
    [
      'a key that no answer has',
      { prompt: '{{json.m}}' },
      'prompt',
      /json\.m.*names no column of from_batch/s,
    ],
    ['no column', { prompt: '{{town}}' }, 'prompt', /town.*names no column of from_batch/s],
    ['nothing to do', {}, 'prompt', /what to do with each task of from_batch/],
    ['no batch', { from_batch: 'Nothing so', prompt: '{{text}}' }, 'from_batch', /not the id or the name/],
    [
      'two sources',
      { rows_file: 't.csv', prompt: '{{text}}' },
      'rows_file',
      /given together with from_batch/,
    ],
    [
      'a column that is expected',
      { prompt: '{{text}}', expect: { answer: 'right' } },
      'expect',
      /is not a column of from_batch/,
    ],
  ])('refuses %s', async (_what, args, field, said) => {
    const { server, api } = await after(Array(3).fill('{"n":1}'), { ...rows, output_schema: schema });
    const problems = await server.fails('submit_batch', { from_batch: 'Summaries', ...args });
    expect(await server.fails('estimate_cost', { from_batch: 'Summaries', ...args })).toMatch(said);
    expect(problems).toMatch(said);
    expect(problems).toContain(field);
    expect(api.creates).toHaveLength(1);
  });

  it('takes others in by outcomes, but none that say nothing', long, async () => {
    const { server, batch_id, api } = await after([
      'One.',
      (request) => errored(request, 'api_error', 'Oh.'),
      (request) => succeeded(request, 'Half', { stop_reason: 'max_tokens' }),
    ]);
    const work = { from_batch: batch_id, outcomes: ['failed'], prompt: '{{text}}' };
    await server.ok('submit_batch', work);
    expect(ids(api, 1)).toEqual(['a', 'c']);
    await server.ok('submit_batch', { from_batch: batch_id, prompt: '{{text}}' });
    expect(ids(api, 2)).toEqual(['a']);
    expect(await server.fails('submit_batch', { ...rows, outcomes: ['failed'] })).toMatch(
      /goes with from_batch only/,
    );
  });

  it('refuses a batch without a finished answer', long, async () => {
    const { server, api } = await after(
      Array(3).fill((request: ApiRequest) => unfinished(request, 'expired')),
    );
    const said = await server.fails('submit_batch', { from_batch: 'last', prompt: '{{text}}' });
    expect(said).toMatch(/from_batch.*has no such answer: 3 tasks without a finished answer/s);
    expect(api.creates).toHaveLength(1);
  });

  it('goes with expect, a pilot, labels and files of their own', long, async () => {
    const { server, batch_id, api } = await after(['One.', 'Two.', 'Three.']);
    const work = {
      from_batch: batch_id,
      prompt: '{{text}}',
      labels: ['Ulm', 'Bonn'],
      expect: { label: 'place' },
    };
    const pilot = await server.ok('submit_batch', { ...work, max_tasks: 1 });
    expect(pilot.request_count).toBe(1);
    const whole = await server.ok('submit_batch', { ...work, force_new: true });
    await server.ok('batch_status', { batch_id: whole.batch_id, wait_seconds: 20 });
    expect(ids(api, 2)).toEqual(['a', 'b', 'c']);
    const files = await server.ok('submit_batch', {
      from_batch: batch_id,
      prompt: 'Say: {{text}}',
      output_pattern: 'out/{{place}}.md',
    });
    await server.ok('batch_status', { batch_id: files.batch_id, wait_seconds: 20 });
    expect(await readFile(path.join(server.work, 'out/Bonn.md'), 'utf8')).toContain('then b');
  });
});
