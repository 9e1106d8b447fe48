import { isDeepStrictEqual } from 'node:util';
import { ulid } from 'ulid';
import type { z } from 'zod';
import { decodeEnvelope, encodeEnvelope, seal } from '../../src/store/envelope.ts';
import { checkedId } from '../../src/store/names.ts';
import type { Objects, StoredObject } from '../../src/store/objects/objects.ts';
import { createLocalPresence } from '../../src/store/presence.ts';
import { batchRecord } from '../../src/store/record.ts';
import {
  budget,
  claim,
  keptWork,
  modelList,
  openQuestion,
  signingKey,
  submission,
  writtenFile,
} from '../../src/store/shared-records.ts';
import type { Blobs, Register, Store } from '../../src/store/store.ts';
import { damaged } from '../../src/store/stored-json.ts';

/** Bytes by the names of blobs, or where they stand. */
type Bytes = Map<string, Buffer>;
type Places = Map<string, StoredObject>;

/**
 * A store in the memory of one process: records as texts, blobs as bytes, or with these in `objects`. It shows that the seam is one.
 */
export function createMemoryStore(objects?: Objects): Store {
  const registers = new Map<string, string[]>();
  const batches = new Map<string, { bytes: Bytes; places: Places }>();

  function register<T>(key: string, schema: z.ZodType<T>): Register<T> {
    const history = () =>
      (registers.get(key) ?? []).map((text, i) => ({ number: i + 1, ...decodeEnvelope(key, text, schema) }));
    const newest = () => history().at(-1)?.value ?? null;
    return {
      read: async () => newest(),
      history: async () => history(),
      async update(change) {
        const next = change(newest());
        if (next === null || isDeepStrictEqual(next, newest())) return newest();
        registers.set(key, [...(registers.get(key) ?? []), encodeEnvelope(key, seal(next), schema)]);
        return newest();
      },
    };
  }

  const record = (batchId: string) => register(`batch ${checkedId('batch', batchId)}`, batchRecord);
  const nothing = () => ({ bytes: new Map(), places: new Map() });
  const blobsOf = (batchId: string, content: () => { bytes: Bytes; places: Places }): Blobs =>
    objects === undefined
      ? createMemoryBlobs(batchId, () => content().bytes)
      : createObjectBlobs(objects, batchId, () => content().places);

  return {
    place: 'memory',
    agenda: null,
    presence: createLocalPresence(),
    turns: null,
    record,
    blobs(batchId) {
      checkedId('batch', batchId);
      return blobsOf(batchId, () => batches.get(batchId) ?? nothing());
    },
    async stage() {
      const batchId = `batch_${ulid()}`;
      const content = nothing();
      return {
        batchId,
        blobs: blobsOf(batchId, () => content),
        async commit(first) {
          batches.set(batchId, content);
          await record(batchId).update(() => first);
        },
        discard: async () => {},
      };
    },
    batchIds: async () => [...batches.keys()].sort().reverse(),
    summaries: (summary) => async (batchIds) => {
      const records = await Promise.all(batchIds.map((batchId) => record(batchId).read()));
      return { found: records.flatMap((each) => (each === null ? [] : [summary.make(each)])), damaged: [] };
    },
    async removeBatch(batchId) {
      registers.delete(`batch ${checkedId('batch', batchId)}`);
      batches.delete(batchId);
    },
    submission: (hash) => register(`submission ${checkedId('hash', hash)}`, submission),
    isSubmitted: async (batchId) =>
      [...registers].some(
        ([key, texts]) => key.startsWith('submission ') && texts.some((text) => text.includes(batchId)),
      ),
    writtenFile: (path) => register(`written file ${path}`, writtenFile),
    budget: (day) => register(`budget ${checkedId('day', day)}`, budget),
    signingKey: () => register('signing key', signingKey),
    models: (hash) => register(`models ${checkedId('hash', hash)}`, modelList),
    work: (id) => register(`work ${checkedId('work', id)}`, keptWork),
    question: (id) => register(`question ${checkedId('question', id)}`, openQuestion),
    claim: (id) => register(`claim ${checkedId('providerBatch', id)}`, claim),
    audit: async () => {},
    sweep: async () => {},
  };
}

function createMemoryBlobs(batchId: string, bytes: () => Bytes): Blobs {
  const describe = (name: string) => `${batchId}/${checkedId('blob', name)}`;
  async function find(name: string): Promise<Buffer> {
    const place = describe(name);
    const found = bytes().get(name);
    if (found === undefined) throw damaged(place, 'it is missing');
    return found;
  }
  return {
    describe,
    async write(name, pieces) {
      describe(name);
      const found: Uint8Array[] = [];
      for await (const piece of pieces) found.push(Uint8Array.from(piece));
      if (bytes().has(name)) return null;
      const whole = Buffer.concat(found);
      bytes().set(name, whole);
      return whole.length;
    },
    async *read(name, start = 0) {
      const whole = await find(name);
      for (let at = start; at < whole.length; at += 1_000) yield Buffer.from(whole.subarray(at, at + 1_000));
    },
    async readRanges(name, spans) {
      describe(name);
      if (spans.length === 0) return [];
      const whole = await find(name);
      return spans.map(({ offset, length }) => {
        if (offset + length > whole.length) throw damaged(describe(name), 'it was cut short');
        return Buffer.from(whole.subarray(offset, offset + length));
      });
    },
    async size(name) {
      describe(name);
      return bytes().get(name)?.length ?? null;
    },
    async remove(name) {
      describe(name);
      bytes().delete(name);
    },
  };
}

/** Names in memory, bytes in `objects`: what a database does, without one. */
function createObjectBlobs(objects: Objects, batchId: string, places: () => Places): Blobs {
  const describe = (name: string) => `${batchId}/${checkedId('blob', name)}`;
  function find(name: string): StoredObject {
    const place = describe(name);
    const found = places().get(name);
    if (found === undefined) throw damaged(place, 'it is missing');
    return found;
  }
  return {
    describe,
    async write(name, pieces) {
      const object = await objects.write(`${describe(name)}.${ulid().toLowerCase()}`, pieces);
      if (places().has(name)) {
        await objects.remove(object.key);
        return null;
      }
      places().set(name, object);
      return object.bytes;
    },
    async *read(name, start) {
      yield* objects.read(find(name), start);
    },
    async readRanges(name, spans) {
      describe(name);
      if (spans.length === 0) return [];
      const object = find(name);
      if (spans.some(({ offset, length }) => offset + length > object.bytes)) {
        throw damaged(describe(name), 'it was cut short');
      }
      return objects.readRanges(object, spans);
    },
    async size(name) {
      describe(name);
      return places().get(name)?.bytes ?? null;
    },
    async remove(name) {
      describe(name);
      const found = places().get(name);
      if (found === undefined) return;
      places().delete(name);
      await objects.remove(found.key);
    },
  };
}
