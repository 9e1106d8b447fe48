import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { allPages, follow, messagesText, startApi } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { type Reply, startServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';

// Each row under each variant, many rows in a request: one pack holds one variant's rows alone.

const COUNT = 9;
const table = `id,text,right\n${Array.from({ length: COUNT }, (_, index) => `r${index},text ${index},${'xxyyxyxyx'[index]}\n`).join('')}`;
const said: Record<string, string> = { Short: 'xxyyxyxyx', Long: 'xxyyyxyxx' };

const variantOf = (request: ApiRequest) => /Short|Long/.exec(messagesText(request))?.[0] ?? '';
const labelOf = (request: ApiRequest, text: string) => ({
  label: said[variantOf(request)]?.[Number(/text (\d)/.exec(text)?.[1])] ?? '?',
});

const work = {
  rows_file: 't.csv',
  id_column: 'id',
  labels: ['x', 'y'],
  expect: { label: 'right' },
  variants: { A: { prompt: 'Short: {{text}}' }, B: { prompt: 'Long: {{text}}', model_tier: 'cheap' } },
};

/** `leavesOut` says which row of which variant the first answer to its pack lacks. */
async function started(leavesOut: (variant: string, id: string) => boolean = () => false) {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.toReversed().map((request) =>
        succeeded(
          request,
          rowsIn(request).length === 0
            ? JSON.stringify(labelOf(request, messagesText(request)))
            : packAnswer(request, ({ id, text }) => {
                const isFirst = api.creates.length === 1;
                return isFirst && leavesOut(variantOf(request), id) ? undefined : labelOf(request, text);
              }),
        ),
      ),
  });
  const server = await startServer({ api });
  await writeFile(path.join(server.work, 't.csv'), table);
  const ended = async (given: object): Promise<Reply> =>
    follow(server, (await server.ok('submit_batch', given)).batch_id);
  const read = (name: string) => readFile(path.join(server.work, name), 'utf8');
  return { api, server, ended, read };
}

/** A table without what shares of a request differ in. */
async function cells(read: (name: string) => Promise<string>, name: string): Promise<string[][]> {
  const rows = parseCsv(await read(name));
  const kept = rows[0]?.map((column) => !column.endsWith('_tokens')) ?? [];
  return rows.map((row) => row.filter((_, index) => kept[index]));
}

describe('variants in packs', () => {
  eachNthOf(3, [2, 4, 100])(
    'of %i: a pack is of one variant, and files are as without packs',
    async (pack) => {
      const { api, ended, read, server } = await started();
      await ended({ ...work, output_file: 'alone.csv' });
      const done = await ended({ ...work, pack, output_file: 'packed.csv' });
      expect(done).toMatchObject({ request_count: 2 * COUNT, outcomes: { succeeded: 2 * COUNT } });
      const packs = api.creates[1]?.requests ?? [];
      expect(packs).toHaveLength(2 * Math.ceil(COUNT / pack));
      for (const request of packs) expect(new Set(messagesText(request).match(/Short|Long/g)).size).toBe(1);
      const models = packs.map(({ params }) => params.model);
      expect(new Set(models).size).toBe(2);
      expect(await cells(read, 'packed.csv')).toEqual(await cells(read, 'alone.csv'));
      const { batch_id } = done;
      const answers = await allPages(server, { batch_id });
      expect(answers.map(({ task_id }) => task_id)).toEqual(
        Array.from({ length: COUNT }, (_, index) => [`r${index}@A`, `r${index}@B`]).flat(),
      );
      // A filter that leaves one variant, or half of a pack, takes no row's answers apart.
      const filters = [{ where: { variant: 'B' } }, { where: { 'json.label': 'y' } }];
      for (const [index, filter] of filters.entries()) {
        const batches = { alone: 'batch', packed: batch_id };
        const { batches: all } = await server.ok('list_batches');
        batches.alone = all.at(-1)?.batch_id;
        for (const [name, id] of Object.entries(batches))
          await server.ok('get_results', { batch_id: id, ...filter, output_file: `${name}${index}.csv` });
        expect(await cells(read, `packed${index}.csv`)).toEqual(await cells(read, `alone${index}.csv`));
      }
    },
  );

  test('agree as far as they do without packs, and what is left out is sent again in packs of its variant', async () => {
    const { api, ended, server } = await started((variant, id) => variant === 'Long' && id.startsWith('r1'));
    const { batch_id: alone } = await ended({ ...work, name: 'alone' });
    const agreementOf = async (batch_id: string) =>
      (await server.ok('get_results', { batch_id, group_by: 'variant' })).agreement;
    const { outcomes, batch_id } = await ended({ ...work, pack: 4, retries: 1, name: 'packed' });
    expect(outcomes).toMatchObject({ succeeded: 2 * COUNT });
    expect(await agreementOf(batch_id)).toEqual(await agreementOf(alone));
    expect(api.batches.length).toBeGreaterThanOrEqual(2);
  });

  test('are estimated each, for less than without packs, and auto takes one size for all', async () => {
    const { server } = await started();
    const system = 'You label messages of customers of a bank by a handbook of many rules. '.repeat(40);
    const given = { ...work, system };
    const alone = await server.ok('estimate_cost', given);
    const packed = await server.ok('estimate_cost', { ...given, pack: 'auto' });
    const [a, b] = packed.by_variant;
    expect([a, b]).toMatchObject([
      { variant: 'A', request_count: COUNT },
      { variant: 'B', request_count: COUNT },
    ]);
    expect(a.expected + b.expected).toBeCloseTo(packed.cost_usd.expected, 8);
    for (const [index, { expected }] of packed.by_variant.entries())
      expect(expected).toBeLessThan(alone.by_variant[index].expected);
  });

  test('hand the answers of a pilot on', long, async () => {
    const { api, ended } = await started();
    await ended({ ...work, pack: 3, max_tasks: 3 });
    const whole = await ended({ ...work, pack: 3 });
    expect(whole).toMatchObject({ outcomes: { succeeded: 2 * COUNT }, reused: { count: 6 } });
    const sent = api.creates[1]?.requests.flatMap((request) => rowsIn(request)) ?? [];
    expect(sent).toHaveLength(2 * COUNT - 6);
  });
});
