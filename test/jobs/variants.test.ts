import { expect, test } from 'vitest';
import { messagesText } from '../api.ts';
import { long } from '../long.ts';
import { csvOf, filesOf, play, readTable, setUp, times, wholeJob } from './play.ts';

// The jobs that compare, by variants or with documents before each task.

test('7: two graders judge the same answers, and how far they agree is told', async () => {
  const { server } = await setUp(
    {
      'answers.csv': csvOf(
        ['id', 'answer'],
        times(300, (index) => [`a${index}`, `Answer ${index}`]),
      ),
    },
    (request) => {
      const row = Number(/Answer (\d+)/.exec(messagesText(request))?.[1]);
      const isStrict = messagesText(request).includes('Be strict');
      return JSON.stringify({ label: row % 3 === 0 || (isStrict && row % 10 === 1) ? 'bad' : 'good' });
    },
  );
  await play('7 two graders', server, async (agent) => {
    const work = {
      rows_file: 'answers.csv',
      id_column: 'id',
      labels: ['good', 'bad'],
      variants: {
        strict: { prompt: 'Be strict: {{answer}}', model_tier: 'capable' },
        mild: { prompt: 'Be mild: {{answer}}', model_tier: 'cheap' },
      },
    };
    const { work_id, by_variant } = await agent.call('estimate_cost', work);
    expect(by_variant).toMatchObject([{ variant: 'strict' }, { variant: 'mild' }]);
    const { batch_id } = await agent.call('submit_batch', { work_id, output_file: 'graded.csv' });
    await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    const { groups, agreement } = await agent.call('get_results', { batch_id, group_by: 'variant' });
    expect(groups).toMatchObject([
      { value: 'strict', count: 300 },
      { value: 'mild', count: 300 },
    ]);
    expect(agreement).toMatchObject([{ variants: ['strict', 'mild'], key: 'label', of: 300, agree: 280 }]);
    expect(agreement[0].kappa).toBe(0.8571);
  });
  const rows = await readTable(server, 'graded.csv');
  expect(rows).toHaveLength(300);
  expect(rows[1]).toMatchObject({ id: 'a1', 'strict.label': 'bad', 'mild.label': 'good' });
});

test('15: two prompts on 100 rows, then the better one on all', long, async () => {
  const { server, api } = await setUp(
    {
      'rows.csv': csvOf(
        ['id', 'text', 'right'],
        times(1_000, (index) => [index, `text ${index}`, index % 2 === 0 ? 'x' : 'y']),
      ),
    },
    (request) => {
      const row = Number(/text (\d+)/.exec(messagesText(request))?.[1]);
      const isRight = messagesText(request).includes('Well:') || row % 5 > 0;
      return JSON.stringify({ label: (row % 2 === 0) === isRight ? 'x' : 'y' });
    },
  );
  const shared = { rows_file: 'rows.csv', id_column: 'id', labels: ['x', 'y'], expect: { label: 'right' } };
  const variants = { short: { prompt: 'Short: {{text}}' }, well: { prompt: 'Well: {{text}}' } };
  await play('15 pilot', server, async (agent) => {
    const { batch_id } = await agent.call('submit_batch', { ...shared, variants, max_tasks: 100 });
    await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    const { groups } = await agent.call('get_results', { batch_id, group_by: 'variant' });
    const [short, well] = groups;
    expect(short.expected.share).toBeLessThan(0.9);
    expect(well).toMatchObject({ value: 'well', expected: { of: 100, share: 1 } });
  });
  await play('15 the better one', server, async (agent) => {
    const work = { ...shared, ...variants.well };
    const summary = await wholeJob(agent, work, { output_file: 'all.csv' });
    expect(summary).toMatchObject({ totals: { succeeded: 1_000 }, expected: { share: 1 } });
  });
  expect(api.creates.map(({ requests }) => requests.length)).toEqual([200, 900]);
  expect(await readTable(server, 'all.csv')).toHaveLength(1_000);
});

test('8: transcripts are coded by a codebook, and no quote is made up', long, async () => {
  let isFirst = true;
  const { server, api } = await setUp(
    {
      'codebook.md': 'tired: the person says so.\nglad: the person says so.\n',
      ...filesOf(24, (index) => [
        `talks/t${index}.txt`,
        `Q: How are you?\nA: On day ${index} I was so tired.\n`,
      ]),
    },
    (request) => {
      const day = /On day (\d+)/.exec(messagesText(request))?.[1];
      const isMadeUp = isFirst && Number(day) % 8 === 3;
      const quote = isMadeUp ? 'I am exhausted' : `On day ${day} I was`;
      return JSON.stringify({
        codes: [
          { code: 'tired', quote },
          { code: 'glad', quote: 'How  are you?' },
        ],
      });
    },
  );
  const properties = {
    codes: {
      type: 'array',
      items: {
        type: 'object',
        properties: { code: { enum: ['tired', 'glad'] }, quote: { type: 'string', 'x-in-input': true } },
        required: ['code', 'quote'],
      },
    },
  };
  await play('8 transcripts', server, async (agent) => {
    const work = {
      input_files: ['talks/*.txt'],
      context_files: ['codebook.md'],
      prompt: 'Code this interview by the codebook.',
      output_schema: { type: 'object', properties, required: ['codes'] },
    };
    const how = { output_file: 'codes.csv', output_key: 'codes' };
    const { batch_id } = await agent.call('submit_batch', { ...work, ...how });
    const first = await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    expect(first.outcomes).toMatchObject({ succeeded: 21, incomplete: 3 });
    isFirst = false;
    await agent.call('retry_batch', { batch_id, error_types: ['invalid_answer'] });
    const done = await agent.call('batch_status', { batch_id, wait_seconds: 20 });
    expect(done.outcomes).toMatchObject({ succeeded: 24 });
  });
  expect(api.creates.map(({ requests }) => requests.length)).toEqual([24, 3]);
  const rows = await readTable(server, 'codes.csv');
  expect(rows).toHaveLength(48);
  expect(rows.filter(({ quote }) => quote?.includes('exhausted'))).toEqual([]);
});
