import { createHash } from 'node:crypto';
import type { Movable } from '../../../src/store/moving/movable.ts';

/** All that a store holds, in one order: to be compared with what it held before, or what another one holds. */
export async function contentsOf(store: Movable) {
  const batches: Record<string, unknown> = {};
  for (const batchId of await store.batchIds()) {
    const batch = store.batch(batchId);
    const blobs: Record<string, string> = {};
    for (const name of await batch.blobNames()) {
      const hash = createHash('sha256');
      for await (const piece of batch.blobs.read(name)) hash.update(piece);
      blobs[name] = `${await batch.blobs.size(name)} ${hash.digest('hex')}`;
    }
    batches[batchId] = { revisions: await batch.revisions(), blobs };
  }
  const registers: Record<string, unknown> = {};
  const names = (await store.registers()).map((name) => ({ name, key: `${name.kind} ${name.name}` }));
  for (const { name, key } of names.toSorted((a, b) => a.key.localeCompare(b.key)))
    registers[key] = await store.register(name).revisions();
  const audit: string[] = [];
  for await (const line of store.audit()) audit.push(line);
  return { batches, registers, audit };
}
