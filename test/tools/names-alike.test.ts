import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { follow, messagesText, startApi, startCheckedServer } from '../api.ts';
import { succeeded } from '../api-server.ts';

const COMPOSED = 'caf\u00e9';
const IN_PARTS = 'cafe\u0301';

/** A table with its names in one form, and a call that types them in the other. */
it.each([
  ['composed in the file, in parts in the call', COMPOSED, IN_PARTS],
  ['in parts in the file, composed in the call', IN_PARTS, COMPOSED],
])('names that read alike are the same: %s', async (_what, there, typed) => {
  const api = await startApi({ results: (all) => all.map((each) => succeeded(each, '{"é":"x"}')) });
  const server = await startCheckedServer({ api });
  await mkdir(path.join(server.work, 'out'));
  await writeFile(path.join(server.work, 'rows.csv'), `${there},${there} 2,n\n${there}-1,x,3\nb,y,3\n`);
  await writeFile(path.join(server.work, `${there}.csv`), `${there},n\n${typed}-1,joined\nb,too\n`);
  const { batch_id, warnings } = await server.ok('submit_batch', {
    rows_file: 'rows.csv',
    id_column: typed,
    join_file: `${there}.csv`,
    prompt: `See {{${typed} 2}} and {{ ${typed}.n }}.`,
    output_schema: {
      type: 'object',
      properties: { é: { type: 'string', 'x-max-column': 'n' } },
      required: ['é'],
      additionalProperties: false,
    },
    expect: { 'e\u0301': `${typed} 2` },
    output_pattern: `out/{{${typed} 2}}.md`,
  });
  expect(warnings).toEqual([]);
  expect(api.creates[0]?.requests.map(messagesText)).toEqual([
    expect.stringContaining('See x and joined.'),
    expect.stringContaining('See y and too.'),
  ]);
  api.endAll();
  await follow(server, batch_id);
  expect((await readdir(path.join(server.work, 'out'))).sort()).toEqual(['x.md', 'y.md']);

  const results = (args: object) => server.ok('get_results', { batch_id, ...args });
  const ids = async (args: object) => (await results(args)).results.map((each: any) => each.task_id);
  const first = `${there}-1`;
  expect(await ids({ where: { [`${typed} 2`]: 'x' } })).toEqual([first]);
  expect(await ids({ where: { [`row.${typed} 2`]: 'x', 'json.e\u0301': 'x' } })).toEqual([first]);
  expect(await ids({ where: { expected: true } })).toEqual([first]);
  expect(await ids({ task_ids: [`${typed}-1`] })).toEqual([first]);
  const { groups } = await results({ group_by: `${typed} 2` });
  expect(groups.map((each: any) => each.value)).toEqual(['x', 'y']);
  const picked = await results({ fields: [`${typed} 2`] });
  expect(picked.results.map((each: any) => each[`${typed} 2`])).toEqual(['x', 'y']);
  await results({ output_file: 'keys.csv', output_key: 'e\u0301' });
  expect(await readFile(path.join(server.work, 'keys.csv'), 'utf8')).toContain(',joined,x,true,');

  const again = await server.ok('retry_batch', {
    batch_id,
    requests: [{ task_id: `${typed}-1`, prompt: 'Again.' }],
  });
  expect(again.warnings).toEqual([]);
  api.endAll();
  await follow(server, batch_id);
  expect(await ids({ where: { attempt: 2 } })).toEqual([first]);
});

it('names of listed tasks, and of their shared prompt, are the same too', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  const { warnings } = await server.ok('submit_batch', {
    requests: [
      { task_id: 'a', input_data: { [IN_PARTS]: '1', 'my\u00a0field': { [COMPOSED]: '2' } } },
      { task_id: 'b', input_data: { [COMPOSED]: '3', 'my field': { [IN_PARTS]: '4' } } },
    ],
    prompt: `{{${COMPOSED}}} and {{my field.${IN_PARTS}}}`,
  });
  expect(warnings).toEqual([]);
  expect(api.creates[0]?.requests.map(messagesText)).toEqual([
    expect.stringContaining('"1 and 2"'),
    expect.stringContaining('"3 and 4"'),
  ]);
});

it('and of a column to merge by', async () => {
  const api = await startApi();
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 'rows.csv'), `${COMPOSED},text\nx,1\ny,2\nx,3\n`);
  await server.ok('submit_batch', {
    rows_file: 'rows.csv',
    merge: IN_PARTS,
    prompt: `{{${IN_PARTS}}}: {{items}}`,
  });
  expect(api.creates[0]?.requests).toHaveLength(2);
});
