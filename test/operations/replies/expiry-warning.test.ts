import { expect, it } from 'vitest';
import { startApi } from '../../api.ts';
import { startServer } from '../../harness.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

it('results that nobody has fetched bring a warning before the API drops them', async () => {
  const api = await startApi();
  let days = 0;
  const server = await startServer({ api, now: () => new Date(Date.now() + days * DAY_MS) });
  const { batch_id } = await server.ok('submit_batch', { requests: [{ task_id: 'a', prompt: 'hi' }] });
  // They can't be fetched meanwhile, or a look would save them.
  api.override('results', (_request, response) => response.writeHead(500).end());
  const warnings = async () => (await server.ok('batch_status', { batch_id })).warnings.join(' ');

  days = 20;
  expect(await warnings()).not.toMatch(/keeps the results only until/);
  days = 27;
  expect(await warnings()).toMatch(/keeps the results only until/);
});
