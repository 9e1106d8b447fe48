import { expect, test } from 'vitest';
import { errored } from '../api-server.ts';
import { long } from '../long.ts';
import { csvOf, play, readTable, setUp, times, wholeJob } from './play.ts';

// The jobs that people have with a table.

test('1: tickets of a CSV get one of 77 labels', async () => {
  const labels = times(77, (index) => `topic_${index}`);
  const { server } = await setUp(
    {
      'tickets.csv': csvOf(
        ['ticket', 'text'],
        times(500, (index) => [index, `"Help, my card ${index}"`]),
      ),
      'labels.txt': `${labels.join('\n')}\n`,
    },
    (request, index) =>
      index % 100 === 7
        ? errored(request, 'api_error', 'Internal server error')
        : JSON.stringify({ label: labels[index % 77] }),
  );
  await play('1 tickets', server, async (agent) => {
    const prompt = 'What is this about? {{text}}';
    const work = { rows_file: 'tickets.csv', id_column: 'ticket', labels: 'labels.txt', prompt };
    const summary = await wholeJob(agent, work, { output_file: 'labelled.csv' });
    expect(summary.totals).toMatchObject({ total: 500, succeeded: 495, errored: 5 });
  });
  const rows = await readTable(server, 'labelled.csv');
  expect(rows).toHaveLength(500);
  expect(rows[3]).toMatchObject({ ticket: '3', text: 'Help, my card 3', label: 'topic_3' });
});

test('6: invoices become a CSV by a schema', async () => {
  const { server } = await setUp(
    {
      'invoices.csv': csvOf(
        ['nr', 'text'],
        times(200, (index) => [`A-${index}`, `Total ${index} EUR`]),
      ),
    },
    (_request, index) => JSON.stringify({ vendor: `V ${index}`, total: index / 4, paid: index % 2 === 0 }),
  );
  await play('6 invoices', server, async (agent) => {
    const properties = {
      vendor: { type: 'string' },
      total: { type: 'number' },
      paid: { type: 'boolean' },
    };
    const output_schema = { type: 'object', properties, required: ['vendor', 'total', 'paid'] };
    const work = { rows_file: 'invoices.csv', id_column: 'nr', prompt: 'Read it: {{text}}', output_schema };
    await wholeJob(agent, work, { output_file: 'read.csv' });
  });
  expect((await readTable(server, 'read.csv'))[5]).toMatchObject({
    nr: 'A-5',
    vendor: 'V 5',
    total: '1.25',
    paid: 'false',
  });
});

test('9: metas of at most 155 characters for the products of a JSON feed', long, async () => {
  const products = times(500, (index) => ({ sku: `P${index}`, title: `Lamp ${index}` }));
  let asked = 0;
  const { server, api } = await setUp({ 'feed.json': JSON.stringify({ products }) }, () => {
    asked += 1;
    return JSON.stringify({ meta: 'm'.repeat(asked <= 500 && asked % 50 === 0 ? 156 : 155) });
  });
  await play('9 metas', server, async (agent) => {
    const meta = { type: 'string', maxLength: 155 };
    const output_schema = { type: 'object', properties: { meta }, required: ['meta'] };
    const work = { rows_file: 'feed.json', id_column: 'sku', prompt: 'A meta: {{title}}', output_schema };
    const summary = await wholeJob(agent, work, { output_file: 'metas.csv', retries: 1 });
    expect(summary.totals).toMatchObject({ total: 500, succeeded: 500 });
  });
  expect(api.creates.map(({ requests }) => requests.length)).toEqual([500, 10]);
  const rows = await readTable(server, 'metas.csv');
  expect(rows.filter(({ meta }) => meta?.length === 155)).toHaveLength(500);
});

test('11: comments against the old decision, and those that differ', long, async () => {
  const { server } = await setUp(
    {
      'comments.csv': csvOf(
        ['id', 'text', 'label'],
        times(500, (index) => [10_000 + index, `Comment ${index}`, index % 4 === 0 ? 'spam' : 'fine']),
      ),
    },
    (_request, index) =>
      JSON.stringify({ label: index % 20 === 0 ? 'fine' : index % 4 === 0 ? 'spam' : 'fine' }),
  );
  await play('11 comments', server, async (agent) => {
    const work = {
      rows_file: 'comments.csv',
      id_column: 'id',
      prompt: 'Is it spam? {{text}}',
      labels: ['spam', 'fine'],
      expect: { label: 'label' },
    };
    const { work_id } = await agent.call('estimate_cost', work);
    const { batch_id } = await agent.call('submit_batch', { work_id, output_file: 'checked.csv' });
    await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    const differ = await agent.call('get_results', { batch_id, where: { expected: false }, limit: 30 });
    expect(differ.results).toHaveLength(25);
    expect(differ.results[1]).toMatchObject({ task_id: '10020', json: { label: 'fine' }, expected: false });
  });
  expect((await readTable(server, 'checked.csv'))[4]).toMatchObject({
    label: 'spam',
    'answer.label': 'spam',
  });
});
