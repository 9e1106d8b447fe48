import { ulid } from 'ulid';
import * as z from 'zod';
import { BatchError } from '../../errors.ts';
import { checkedId } from '../names.ts';
import type { Objects, StoredObject } from '../objects/objects.ts';
import type { Blobs, Pieces } from '../store.ts';
import { damaged } from '../stored-json.ts';
import { readChunkSpans, readChunks, writeChunks } from './chunks.ts';
import { anyRow, type Database } from './database.ts';

const idRow = z.object({ id: z.string() });
const blobRow = z.object({
  id: z.string(),
  bytes: z.coerce.number(),
  key: z.string().nullable(),
  storage: z.string().nullable(),
  sha256: z.string().nullable(),
});

const FIND = `
  select n.blob_id::text as id, n.bytes, o.key, o.storage, o.sha256
  from @.blob_name n join @.batch b on b.id = n.batch_id left join @.object o on o.blob_id = n.blob_id
  where n.batch_id = $1 and n.name = $2 and (b.owner is not null) = $3`;

const BEGIN =
  'insert into @.blob (batch_id) select id from @.batch where id = $1 and (owner is not null) = $2 returning id, batch_id';

type DatabaseBlobsOptions = {
  db: Database;
  /** Where the bytes of new blobs go; null: into rows. */
  objects: Objects | null;
  batchId: string;
  /** Those of a batch that is still being prepared: no other sees them. */
  inStaging: boolean;
};

/** Blobs with names in the database, which alone decides who was first; their bytes are rows of chunks, or objects elsewhere. */
export function createDatabaseBlobs({ db, objects, batchId, inStaging }: DatabaseBlobsOptions): Blobs {
  const describe = (name: string) => `${batchId}/${checkedId('blob', name)} in ${db.place}`;
  const whatOf = (name: string) => `${batchId}/${checkedId('blob', name)}`;

  async function find(name: string) {
    const [found] = await db.query(`read ${whatOf(name)}`, FIND, [batchId, name, inStaging], blobRow);
    return found ?? null;
  }

  /** Where the bytes of a blob are, and how to read them. */
  async function open(name: string) {
    const found = await find(name);
    if (found === null) throw damaged(describe(name), 'it is missing');
    const { id, bytes, key, storage, sha256 } = found;
    if (key === null || sha256 === null) {
      return { kind: 'chunks', blob: { id, bytes, what: whatOf(name), place: describe(name) } } as const;
    }
    if (objects !== null && storage === objects.place) {
      const object: StoredObject = { key, bytes, sha256 };
      return { kind: 'object', objects, object } as const;
    }
    throw new BatchError(
      'store_failed',
      `Could not read ${describe(name)}: its bytes are in ${storage}. Set BATCH_MCP_BLOBS to that, as on the servers that wrote it.`,
    );
  }

  /** The id of a blob without a name; where it is kept elsewhere its key is recorded first, so that nothing is orphaned there. */
  async function begin(name: string, key: string | null): Promise<string> {
    const text =
      key === null
        ? `with made as (${BEGIN}) select id::text from made`
        : `with made as (${BEGIN}), noted as (
             insert into @.object (key, storage, batch_id, blob_id) select $3, $4, batch_id, id from made)
           select id::text from made`;
    const values = key === null ? [] : [key, objects?.place];
    const [blob] = await db.query(`write ${whatOf(name)}`, text, [batchId, inStaging, ...values], idRow);
    if (blob !== undefined) return blob.id;
    throw new BatchError(
      'store_failed',
      `Could not write ${describe(name)}: the batch is not there, or no more. Nothing was changed.`,
    );
  }

  async function remove(name: string, blobId: string): Promise<void> {
    await db.query(`remove ${whatOf(name)}`, 'delete from @.blob where id = $1', [blobId], anyRow);
    await tryToRemoveObjects(db, objects, batchId);
  }

  /** False where the name is taken. */
  async function giveName(name: string, blobId: string, bytes: number): Promise<boolean> {
    const text = `
      insert into @.blob_name (batch_id, name, blob_id, bytes) values ($1, $2, $3, $4)
      on conflict (batch_id, name) do nothing returning blob_id::text as id`;
    const given = await db.query(`write ${whatOf(name)}`, text, [batchId, name, blobId, bytes], idRow);
    return given.length === 1;
  }

  async function writeObject(to: Objects, key: string, blobId: string, pieces: Pieces): Promise<number> {
    const { bytes, sha256 } = await to.write(key, pieces);
    const text = 'update @.object set sha256 = $2 where key = $1 and blob_id = $3 returning key as id';
    const [noted] = await db.query(`write ${key}`, text, [key, sha256, blobId], idRow);
    if (noted !== undefined) return bytes;
    await to.remove(key);
    throw new BatchError(
      'store_failed',
      `Could not write ${key}: the batch is no more. Nothing was changed.`,
    );
  }

  return {
    describe,

    async write(name, pieces) {
      const key = objects === null ? null : `${whatOf(name)}.${ulid().toLowerCase()}`;
      const blobId = await begin(name, key);
      try {
        const bytes =
          objects === null || key === null
            ? await writeChunks(db, blobId, whatOf(name), pieces)
            : await writeObject(objects, key, blobId, pieces);
        if (await giveName(name, blobId, bytes)) return bytes;
      } catch (error) {
        // Where even this fails, it is swept.
        await remove(name, blobId).catch(() => {});
        throw error;
      }
      await remove(name, blobId);
      return null;
    },

    async *read(name, start = 0) {
      const opened = await open(name);
      if (opened.kind === 'chunks') yield* readChunks(db, opened.blob, start);
      else yield* opened.objects.read(opened.object, start);
    },

    async readRanges(name, spans) {
      whatOf(name);
      if (spans.length === 0) return [];
      const opened = await open(name);
      if (opened.kind === 'chunks') return readChunkSpans(db, opened.blob, spans);
      const { bytes } = opened.object;
      if (spans.some(({ offset, length }) => offset + length > bytes))
        throw damaged(describe(name), 'it was cut short');
      return opened.objects.readRanges(opened.object, spans);
    },

    size: async (name) => (await find(name))?.bytes ?? null,

    async remove(name) {
      const found = await find(name);
      if (found !== null) await remove(name, found.id);
    },
  };
}

const leftRow = z.object({ key: z.string(), is_whole: z.boolean() });

/**
 * Removes the bytes of objects whose blobs are gone: of one batch, or all that there are. Their rows outlive the blobs for this, so what
 * can't be removed now is removed by a later sweep.
 */
export async function removeLeftObjects(
  db: Database,
  objects: Objects | null,
  batchId: string | null,
): Promise<void> {
  if (objects === null) return;
  const doing = 'look for objects to remove';
  const find = `
    select key, sha256 is not null as is_whole from @.object where blob_id is null and storage = $1 and (batch_id = $2 or $2 is null) order by key limit 1000`;
  const left = await db.query(doing, find, [objects.place, batchId], leftRow);
  for (const { key, is_whole } of left) {
    await (is_whole ? objects.remove(key) : objects.removeUnfinished(key));
    await db.query(doing, 'delete from @.object where key = $1 and blob_id is null', [key], anyRow);
  }
}

/** As `removeLeftObjects`, after work that must not fail because of it: what is left is swept. */
export async function tryToRemoveObjects(
  db: Database,
  objects: Objects | null,
  batchId: string,
): Promise<void> {
  try {
    await removeLeftObjects(db, objects, batchId);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
  }
}
