import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, startApi } from '../api.ts';
import { startServer } from '../harness.ts';
import { eachNth, long } from '../long.ts';

/** Adds a revision as a later version would write it: of another form, with what this one has never heard of. */
async function updated(register: string, of: 'envelope' | 'record'): Promise<string> {
  const names = (await readdir(register)).sort();
  const text = await readFile(path.join(register, names.at(-1) ?? ''), 'utf8');
  const envelope = JSON.parse(text);
  const next =
    of === 'envelope'
      ? { ...envelope, schema: 2, signature: 'x' }
      : { ...envelope, value: { ...envelope.value, schema: 3, states: [] } };
  const file = path.join(register, `${String(names.length + 1).padStart(8, '0')}.json`);
  await writeFile(file, JSON.stringify(next));
  return file;
}

const work = { requests: [{ task_id: 'a', prompt: 'Hi' }] };

describe.each(['envelope', 'record'] as const)('a batch that a newer version wrote, by its %s', (of) => {
  it('is none that is damaged: this one is to be updated, and nothing is changed', async () => {
    const api = await startApi({ endsAtOnce: true });
    const server = await startServer({ api });
    const { batch_id } = await server.ok('submit_batch', work);
    await follow(server, batch_id);
    const other = await server.ok('submit_batch', { requests: ['Another'] });
    const file = await updated(path.join(server.data, 'batches', batch_id, 'record'), of);
    const before = await readFile(file, 'utf8');

    const calls: [tool: string, args: object][] = [
      ['batch_status', { batch_id }],
      ['get_results', { batch_id }],
      ['retry_batch', { batch_id }],
      ['cancel_batch', { batch_id }],
      ['submit_batch', work],
    ];
    for (const [tool, args] of calls) {
      const said = await server.fails(tool, args);
      expect(said, tool).toMatch(
        /^store_failed: .* was written by a newer batch-mcp \(form [23], .*: update this one/,
      );
      expect(said, tool).not.toMatch(/damaged|move it away|restore/);
    }
    const listed = await server.ok('list_batches');
    expect(listed.batches).toMatchObject([{ batch_id: other.batch_id }]);
    expect(listed.warnings.join('\n')).toContain('written by a newer batch-mcp');
    expect(listed.warnings.join('\n')).not.toContain('damaged');
    expect(api.creates).toHaveLength(2);
    expect(await readFile(file, 'utf8')).toBe(before);
  });
});

eachNth(4, [
  ['work', 'There is no work_id'],
  ['budget', "It is not known what is left of today's budget"],
  ['models', ''],
])('%s that a newer version wrote keeps nobody from an estimate', async (folder, warning) => {
  const api = await startApi({ models: [], tokens: () => 10 });
  const server = await startServer({ api });
  await server.ok('submit_batch', work);
  const before = await server.ok('estimate_cost', work);
  for (const name of await readdir(path.join(server.data, folder)))
    await updated(path.join(server.data, folder, name), 'envelope');
  const { cost_usd, warnings } = await server.ok('estimate_cost', work);
  expect(cost_usd).toEqual(before.cost_usd);
  expect(warnings.join('\n')).toContain(warning);
});

it('a list of models that a newer version wrote holds no work up', long, async () => {
  const api = await startApi({ models: [] });
  const server = await startServer({ api });
  await server.ok('submit_batch', work);
  const [hash = ''] = await readdir(path.join(server.data, 'models'));
  await updated(path.join(server.data, 'models', hash), 'envelope');
  await server.ok('submit_batch', { requests: ['Another'] });
  expect(api.creates).toHaveLength(2);
});

it('a budget that a newer version wrote keeps real work from being sent, and says why', async () => {
  const api = await startApi();
  const server = await startServer({ api });
  await server.ok('submit_batch', work);
  const [day = ''] = await readdir(path.join(server.data, 'budget'));
  await updated(path.join(server.data, 'budget', day), 'envelope');
  expect(await server.fails('submit_batch', { requests: ['Another'] })).toContain(
    'was written by a newer batch-mcp',
  );
  expect(api.creates).toHaveLength(1);
});
