import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { packAnswer, rowsIn, type SentRow } from '../api-packs.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { long } from '../long.ts';
import { sharedData } from '../shared-data.ts';
import { csvOf, play, readTable, type Stage, setUp, times, wholeJob } from './play.ts';

// The jobs of many small rows, many of them in a request.

/** Characters a token, and what a tenth of an answer's characters are: near enough to be billed by. */
const tokens = (text: string) => Math.ceil(text.length / 4);

/** Answers rows, alone or in packs, but those that are left out the first time; what is read and written is billed. */
function answering(answer: (row: SentRow) => unknown, isLeftOut: (row: SentRow) => boolean = () => false) {
  const left = new Set<string>();
  return (request: ApiRequest): object => {
    const text = JSON.stringify(request.params.messages);
    const isForgotten = (row: SentRow) => {
      const forgets = isLeftOut(row) && !left.has(row.id);
      if (forgets) left.add(row.id);
      return forgets;
    };
    const said =
      rowsIn(request).length === 0
        ? JSON.stringify(answer({ id: request.custom_id, text }))
        : packAnswer(request, (row) => (isForgotten(row) ? undefined : answer(row)));
    const usage = { input_tokens: tokens(JSON.stringify(request.params)), output_tokens: tokens(said) };
    return succeeded(request, said, { usage: { ...usage, service_tier: 'batch' } });
  };
}

const sent = ({ api }: Stage) => api.creates.map(({ requests }) => requests.length);

test(
  '1: 3,080 questions packed by 40: each answered once, the file as that of the unpacked',
  long,
  async ({ skip }) => {
    const questions = sharedData('banking77/test.csv');
    const categories = sharedData('banking77/categories.json');
    if (questions.missing) skip(questions.missing);
    const labelOf = ({ text }: SentRow) => ({ label: text.includes('card') ? 'card_arrival' : 'age_limit' });
    const work = {
      rows_file: 'test.csv',
      labels: 'categories.json',
      prompt: "Which topic is this bank customer's question about?\n\n{{text}}",
      model_tier: 'cheap',
    };
    const run = async (pack: number | undefined, file: string) => {
      const stage = await setUp(
        {},
        answering(labelOf, ({ id }) => pack !== undefined && id.endsWith('7')),
      );
      const { server } = stage;
      await copyFile(questions.file, path.join(server.work, 'test.csv'));
      await copyFile(categories.file, path.join(server.work, 'categories.json'));
      const { cost_usd } = await server.ok('estimate_cost', { ...work, pack });
      let bill = 0;
      await play(`1 banking77, ${pack ?? 'none'} a request`, server, async (agent) => {
        const summary = await wholeJob(agent, { ...work, pack }, { output_file: file, retries: 2 });
        expect(summary.totals).toMatchObject({ total: 3080, succeeded: 3080 });
        bill = summary.cost_usd.actual;
      });
      expect(cost_usd.maximum).toBeGreaterThanOrEqual(bill);
      return { rows: await readTable(server, file), sent: sent(stage), expected: cost_usd.expected, bill };
    };
    const plain = await run(undefined, 'plain.csv');
    const packed = await run(40, 'packed.csv');
    expect(plain.sent).toEqual([3080]);
    // 77 packs, and the 308 rows that were left out in halved ones.
    expect(packed.sent).toEqual([77, 16]);
    expect(new Set(packed.rows.map(({ task_id }) => task_id)).size).toBe(3080);
    // All columns but what each was billed.
    const form = (rows: Record<string, string>[]) =>
      rows.map(({ input_tokens: _in, output_tokens: _out, ...row }) => row);
    expect(form(packed.rows)).toEqual(form(plain.rows));
    expect(packed.bill).toBeLessThan(plain.bill / 2);
    process.stdout.write(
      `1 bills: plain ${plain.bill} (expected ${plain.expected}), packed by 40 ${packed.bill} (expected ${packed.expected})\n`,
    );
  },
);

test('3: 500 rows into 5 languages, 20 in a request', long, async () => {
  const languages = ['de', 'fr', 'es', 'it', 'nl'];
  const stage = await setUp(
    {
      'texts.csv': csvOf(
        ['key', 'text'],
        times(500, (index) => [`t.${index}`, `Text ${index}`]),
      ),
    },
    answering(
      ({ text }) =>
        Object.fromEntries(languages.map((language) => [language, `${language} ${/\d+/.exec(text)?.[0]}`])),
      ({ id }) => id.length % 3 === 0 && id.endsWith('3'),
    ),
  );
  await play('3 translations', stage.server, async (agent) => {
    const properties = Object.fromEntries(
      languages.map((language) => [language, { type: 'string', minLength: 1 }]),
    );
    const output_schema = { type: 'object', properties, required: languages };
    const work = {
      rows_file: 'texts.csv',
      id_column: 'key',
      prompt: 'Translate: {{text}}',
      output_schema,
      pack: 20,
    };
    const summary = await wholeJob(agent, work, { output_file: 'texts.5.csv', retries: 2 });
    expect(summary.totals).toMatchObject({ total: 500, succeeded: 500 });
  });
  expect(sent(stage)[0]).toBe(25);
  expect((await readTable(stage.server, 'texts.5.csv'))[41]).toMatchObject({
    key: 't.41',
    de: 'de 41',
    nl: 'nl 41',
  });
});

test('13: 1,200 texts of en.json against de.json, those that differ', long, async () => {
  const texts = (word: string) =>
    JSON.stringify({ app: Object.fromEntries(times(1_200, (index) => [`k${index}`, `${word} ${index}`])) });
  const stage = await setUp(
    { 'en.json': texts('Save'), 'de.json': texts('Speichern') },
    answering(
      ({ text }) => ({ label: /Save \d*9\b/.test(text) ? 'wrong' : 'fine' }),
      ({ text }) => /Save \d*55\b/.test(text),
    ),
  );
  await play('13 localisation', stage.server, async (agent) => {
    const prompt = 'Is the translation right? {{text}} / {{de.text}}';
    const work = {
      rows_file: 'en.json',
      join_file: 'de.json',
      id_column: 'key',
      prompt,
      labels: ['fine', 'wrong'],
      pack: 40,
    };
    const summary = await wholeJob(agent, work, { output_file: 'qa.csv', retries: 2 });
    expect(summary.totals).toMatchObject({ total: 1_200, succeeded: 1_200 });
  });
  expect(sent(stage)[0]).toBe(30);
  const rows = await readTable(stage.server, 'qa.csv');
  expect(rows.filter(({ label }) => label === 'wrong')).toHaveLength(120);
});
