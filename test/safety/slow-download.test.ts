import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { endedBatch, follow, ids, prompts } from '../api.ts';
import type { Reply } from '../harness.ts';

/** A busy machine is still for some tenths of a second, which is no stall. */
const patience = { stallMs: 500 };
const limits = { callMs: 20_000 };

/** Sends this piece again and again, with pauses, until it is all sent or nobody listens. */
async function drip(response: ServerResponse, bytes: Buffer, each: number): Promise<void> {
  for (let at = 0; at < bytes.length && !response.destroyed; at += each) {
    response.write(bytes.subarray(at, at + each));
    await sleep(20);
  }
  response.end();
}

describe('a download that comes slowly', () => {
  it('without ever coming to an end is given up, says why, and is tried again by a later look', async () => {
    const { api, server, batch_id } = await endedBatch(prompts(ids(5)), undefined, {
      server: { patience, limits },
    });
    const bytes = api.batches[0]?.results ?? Buffer.alloc(0);
    api.override('results', (_request, response) => void drip(response, bytes, 1), { times: 3 });
    const isTold = ({ warnings }: Reply) =>
      /could not be read: only \d+ bytes came within/.test(warnings.join(' '));
    expect(await follow(server, batch_id, isTold)).toMatchObject({ results_state: 'downloading' });
    await follow(server, batch_id);
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ succeeded: 5, missing: 0 });
    expect(api.asked('results')).toBe(4);
  });

  it('is waited for where it gets on', async () => {
    const { api, server, batch_id } = await endedBatch(prompts(ids(100)), undefined, {
      server: { patience, limits },
    });
    const bytes = api.batches[0]?.results ?? Buffer.alloc(0);
    // More than twice as long as what comes too slowly is waited for.
    const each = Math.ceil(bytes.length / 260);
    expect(each * 50).toBeGreaterThan(4 * 1024);
    api.override('results', (_request, response) => void drip(response, bytes, each), { times: 1 });
    await follow(server, batch_id);
    expect((await server.ok('get_results', { batch_id })).totals).toMatchObject({ succeeded: 100 });
    expect(api.asked('results')).toBe(1);
  });
});
