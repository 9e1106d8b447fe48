import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { follow, startApi } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';

const table = (count: number) =>
  `id,text\n${Array.from({ length: count }, (_, index) => `q${index + 1},Question ${index + 1}`).join('\n')}\n`;

test('packs on the sandbox', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  await writeFile(path.join(server.work, 'rows.csv'), table(25));
  const work = {
    rows_file: 'rows.csv',
    id_column: 'id',
    prompt: 'What is asked? {{text}}',
    labels: ['a', 'b'],
    pack: 10,
  };
  const { batch_id } = await server.ok('submit_batch', work);
  const status = await follow(server, batch_id);
  console.log(JSON.stringify(status, null, 1));
  const page = await server.ok('get_results', { batch_id, detail: 'full', limit: 2 });
  console.log(JSON.stringify(page, null, 1));
});

test('packs', async () => {
  const api = await startApi({
    endsAtOnce: true,
    results: (requests) =>
      requests.map((request) =>
        succeeded(
          request,
          packAnswer(request, ({ id }) => (id === 'q7' ? undefined : `Answer ${id}`)),
          { usage: { input_tokens: 101, output_tokens: 55 } },
        ),
      ),
  });
  const server = await startServer({ api });
  await writeFile(path.join(server.work, 'rows.csv'), table(25));
  const work = { rows_file: 'rows.csv', id_column: 'id', prompt: 'What is asked? {{text}}', pack: 10 };
  const estimate = await server.ok('estimate_cost', work);
  console.log(JSON.stringify(estimate, null, 1));
  const { batch_id } = await server.ok('submit_batch', { work_id: estimate.work_id });
  const status = await follow(server, batch_id);
  console.log(JSON.stringify(status, null, 1));
  console.log(JSON.stringify(api.creates[0]?.requests[0], null, 1).slice(0, 3000));
  expect(rowsIn(api.creates[0]!.requests[0]!)).toHaveLength(10);
  const page = await server.ok('get_results', { batch_id, detail: 'full', limit: 200 });
  console.log(JSON.stringify(page.results.slice(5, 8), null, 1), page.totals);
  await server.ok('get_results', { batch_id, output_file: 'o.raw.jsonl' });
  expect((await readFile(path.join(server.work, 'o.raw.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(3);
});
