import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { long } from '../long.ts';
import { csvOf, filesOf, play, readTable, setUp, times, wholeJob } from './play.ts';

// The jobs that work on what was answered before.

test('5: logs become one summary of summaries', async () => {
  const line = (index: number) => `2026-11-26T00:00:00Z host${index} error ${index}: disk full\n`;
  const { server, api } = await setUp(
    filesOf(20, (index) => [`logs/host${index}.log`, line(index).repeat(300)]),
    (request) => `Summary of ${JSON.stringify(request.params.messages).length} characters.`,
  );
  await play('5 logs', server, async (agent) => {
    const prompt = 'Sum up these logs: what failed, where, how often?';
    const work = { input_files: ['logs/*.log'], split_chars: 4_000, prompt, merge: 10, model_tier: 'cheap' };
    const summary = await wholeJob(agent, work, { output_file: 'incidents.md' });
    expect(summary.results).toMatchObject([
      { outcome: 'succeeded', text: expect.stringMatching(/^Summary/) },
    ]);
  });
  const stages = api.creates.map(({ requests }) => requests.length);
  // Each file of 14,000 characters is 4 parts: 80 of them by tens, and these 8 at once.
  expect(stages).toEqual([8, 1]);
  expect(await readFile(path.join(server.work, 'incidents.md'), 'utf8')).toContain('Summary of');
});

test('14: articles are summarised, and the summaries classified', long, async () => {
  const { server } = await setUp(
    {
      'articles.csv': csvOf(
        ['nr', 'text'],
        times(500, (index) => [`A-${index}`, `Article ${index}`]),
      ),
    },
    ({ params }, index) =>
      JSON.stringify(params.messages).includes('Which desk')
        ? JSON.stringify({ label: index % 2 === 0 ? 'sport' : 'politics' })
        : `Summary ${index}`,
  );
  await play('14 summarise, classify', server, async (agent) => {
    const first = {
      rows_file: 'articles.csv',
      id_column: 'nr',
      prompt: 'Sum up: {{text}}',
      name: 'Summaries',
    };
    await agent.call('submit_batch', first);
    const desks = { labels: ['sport', 'politics'], prompt: 'Which desk? {{text}}' };
    const second = { from_batch: 'Summaries', ...desks, output_file: 'desks.csv' };
    const { batch_id } = await agent.call('submit_batch', second);
    const status = await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    expect(status).toMatchObject({ processing_status: 'ended', outcomes: { succeeded: 500 } });
    const summary = await agent.call('get_results', { batch_id, detail: 'summary' });
    expect(summary.totals).toMatchObject({ total: 500, succeeded: 500 });
  });
  expect((await readTable(server, 'desks.csv'))[3]).toMatchObject({ nr: 'A-3', label: 'politics' });
});
