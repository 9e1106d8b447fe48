import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { follow, startApi, startCheckedServer } from '../api.ts';
import { parseCsv } from '../csv.ts';

it.each<[what: string, name: string, content: string, columns: string[]]>([
  ['years in a CSV', 'r.csv', 'country,2025,2024\nAT,1,2\n', ['country', '2025', '2024']],
  ['numbers in JSON', 'r.json', '[{"b":1,"2":{"9":[1],"1":2},"10":"x","a":1}]', ['b', '2', '10', 'a']],
  ['later rows in JSON', 'r.json', '[{"b":1,"2":3},{"b":1,"1":2}]', ['b', '2', '1']],
  ['JSON lines', 'r.jsonl', '{"b":"{\\"0\\":1}","2":[{"0":1}], "1" : null}\n{"b":2}\n', ['b', '2', '1']],
])('columns that are numbers stay where they are: %s', async (_what, name, content, columns) => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, name), content);
  const work = { rows_file: name, prompt: 'Say something.' };
  const { batch_id } = await server.ok('submit_batch', { ...work, output_file: 'out.csv' });
  const both = await server.ok('submit_batch', {
    ...work,
    variants: { A: { effort: 'low' }, B: { effort: 'high' } },
    output_file: 'both.csv',
  });
  api.endAll();
  for (const [id, file] of [
    [batch_id, 'out.csv'],
    [both.batch_id, 'both.csv'],
  ]) {
    await follow(server, id);
    const [head = []] = parseCsv(await readFile(path.join(server.work, file), 'utf8'));
    expect(head.slice(1, columns.length + 1)).toEqual(columns);
  }
});
