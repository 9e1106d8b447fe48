import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { thisProcess } from '../../../src/store/process-identity.ts';
import type { BatchRecord } from '../../../src/store/record.ts';
import type { Store } from '../../../src/store/store.ts';
import type { StoreDriver } from '../contract.ts';
import { contentOf, piecesOf } from './pieces.ts';

const UNKNOWN_ID = 'batch_01K9ZZZZZZZZZZZZZZZZZZZZZZ';

export function recordOf(batchId: string): BatchRecord {
  return {
    schema: 1,
    batch_id: batchId,
    name: 'test',
    project: null,
    provider: 'sandbox',
    base_url: 'http://127.0.0.1',
    workspace: null,
    created_at: '2026-11-01T00:00:00.000Z',
    content_hash: 'ab'.repeat(32),
    idempotency_key: null,
    force_new: false,
    adopted: false,
    request_count: 1,
    owner: thisProcess(),
    estimate: null,
    outputs: [],
    warnings: [],
    parts: [
      {
        number: 1,
        attempt: 1,
        request_count: 1,
        first_task: 0,
        tasks: 'run',
        body_bytes: 0,
        body_sha256: 'ab'.repeat(32),
        progress: {
          state: 'not_sent',
          failure: { code: 'api_refused', message: 'No.', at: '2026-11-01T00:00:01.000Z' },
        },
      },
    ],
  };
}

/** A batch with one blob, `content`; gives its id. */
export async function commitBatch(store: Store): Promise<string> {
  const staging = await store.stage();
  await staging.blobs.write('content', piecesOf('made in staging'));
  await staging.commit(recordOf(staging.batchId));
  return staging.batchId;
}

export function describeBatches(driver: StoreDriver): void {
  describe('batches', () => {
    it('are none before the first, and looking for one makes none', async () => {
      const store = (await driver()).open();
      expect(await store.batchIds()).toEqual([]);
      expect(await store.record(UNKNOWN_ID).read()).toBeNull();
      expect(await store.blobs(UNKNOWN_ID).size('content')).toBeNull();
      await store.removeBatch(UNKNOWN_ID);
      await store.sweep();
      expect(await store.batchIds()).toEqual([]);
    });

    it('are seen by others when committed, with record and blobs at once, and not before', async () => {
      const { open } = await driver();
      const staging = await open().stage();
      const { batchId } = staging;
      await staging.blobs.write('content', piecesOf('made in staging'));
      expect(await open().batchIds()).toEqual([]);
      expect(await open().record(batchId).read()).toBeNull();
      expect(await open().blobs(batchId).size('content')).toBeNull();
      await staging.commit(recordOf(batchId));
      expect(await open().batchIds()).toEqual([batchId]);
      expect(await open().record(batchId).read()).toEqual(recordOf(batchId));
      expect(await contentOf(open().blobs(batchId).read('content'))).toBe('made in staging');
      await staging.discard();
      expect(await open().batchIds()).toEqual([batchId]);
    });

    it('leave nothing when discarded', async () => {
      const { open } = await driver();
      const staging = await open().stage();
      await staging.blobs.write('content', piecesOf('x'));
      await staging.discard();
      await staging.discard();
      expect(await open().batchIds()).toEqual([]);
      expect(await open().blobs(staging.batchId).size('content')).toBeNull();
    });

    it('are listed newest first, and have ids of their own', async () => {
      const { open } = await driver();
      const made: string[] = [];
      for (let i = 0; i < 3; i += 1) {
        made.unshift(await commitBatch(open()));
        // Two ids of one millisecond stand in no order.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      expect(await open().batchIds()).toEqual(made);
    });

    it('are removed whole', async () => {
      const { open } = await driver();
      const [kept, gone] = [await commitBatch(open()), await commitBatch(open())];
      await open().removeBatch(gone);
      expect(await open().batchIds()).toEqual([kept]);
      expect(await open().record(gone).read()).toBeNull();
      expect(await open().blobs(gone).size('content')).toBeNull();
      expect(
        await open()
          .record(gone)
          .update((current) => current),
      ).toBeNull();
      expect(await contentOf(open().blobs(kept).read('content'))).toBe('made in staging');
    });

    it.each([
      '',
      'batch_',
      'batch_../../etc',
      `${UNKNOWN_ID}/..`,
      `${UNKNOWN_ID}\n`,
      UNKNOWN_ID.toLowerCase(),
    ])('refuse the id %j', async (id) => {
      const store = (await driver()).open();
      const refusal = expect.objectContaining({ code: 'invalid_input' });
      expect(() => store.record(id)).toThrow(refusal);
      expect(() => store.blobs(id)).toThrow(refusal);
      await expect(store.removeBatch(id)).rejects.toThrow(refusal);
    });

    it('are summed up in the order asked for, as their records are now', async () => {
      const { open } = await driver();
      const ids = [await commitBatch(open()), await commitBatch(open())];
      const names = open().summaries({ name: 'names', schema: z.string(), make: ({ name }) => name });
      expect(await names([...ids, UNKNOWN_ID])).toEqual({ found: ['test', 'test'], damaged: [] });
      await open()
        .record(ids[1] ?? '')
        .update((record) => record && { ...record, name: 'other' });
      expect((await names(ids.toReversed())).found).toEqual(['other', 'test']);
    });

    it('are noted when something is done with them', async () => {
      const store = (await driver()).open();
      await store.audit({ at: 'now', tool: 'submit_batch', outcome: 'done' });
    });
  });
}
