import { describe, expect, it, test } from 'vitest';
import { pauseAfter } from '../../../src/operations/looking/watch.ts';
import { ids, prompts, startApi } from '../../api.ts';
import { startServer } from '../../harness.ts';

/** How often a wait of so many seconds looks, at an API that answers at once. */
function looksWithin(seconds: number): number {
  let waited = 0;
  let looks = 1;
  while (waited < seconds * 1000) {
    waited += Math.min(pauseAfter(looks, waited, 'anthropic'), seconds * 1000 - waited);
    looks += 1;
  }
  return looks;
}

test.each([
  [0, 1],
  [1, 2],
  [20, 5],
  [3600, 75],
])('a wait of %d seconds looks at most %d times', (seconds, most) => {
  expect(looksWithin(seconds)).toBeLessThanOrEqual(most);
});

test('the sandbox is looked at soon, and then every second', () => {
  const pauses = [1, 2, 3, 4, 5, 6].map((looks) => pauseAfter(looks, 0, 'sandbox'));
  expect(pauses).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

describe('waiting in a call', () => {
  const looksAt = (api: Awaited<ReturnType<typeof startApi>>) =>
    api.requests.filter(({ method, path }) => method === 'GET' && /msgbatch_[^/]*$/.test(path)).length;

  it('asks about every part at first and at last, and in between about one that runs', async () => {
    const api = await startApi();
    const server = await startServer({ api, limits: { partRequests: 1 } });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(3)) });
    const before = looksAt(api);
    await server.ok('batch_status', { batch_id, wait_seconds: 2 });
    // At 0, 1 and 2 seconds; a machine that is busy may leave out the one in the middle.
    expect(looksAt(api) - before).toBeLessThanOrEqual(3 + 1 + 3);
  });

  it('is over at once where only a person can help', async () => {
    const api = await startApi();
    const server = await startServer({ api });
    const { batch_id } = await server.ok('submit_batch', { requests: prompts(ids(1)) });
    api.override('retrieve', (_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end('{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}');
    });
    const before = looksAt(api);
    const { warnings } = await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    expect(warnings.join()).toMatch(/did not succeed/);
    expect(looksAt(api) - before).toBe(1);
  });
});
