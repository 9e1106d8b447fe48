import { expect, it } from 'vitest';
import { startServer } from '../harness.ts';

it('a list with sandbox batches says that their answers are made up, and one without does not', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  expect((await server.ok('list_batches')).warnings).toEqual([]);
  await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'hi' }] });
  const { batches, totals, warnings } = await server.ok('list_batches');
  expect(batches).toMatchObject([{ provider: 'sandbox' }]);
  expect(totals).toMatchObject({ batches: 1, open_expected_usd: 0 });
  expect(warnings.join(' ')).toMatch(/made-up answers/);
  const grouped = await server.ok('list_batches', { group_by: 'model' });
  expect(grouped).toMatchObject({ batches: [], groups: [] });
  expect(grouped.warnings.join(' ')).toMatch(/groups leave them out/);
});
