import { setTimeout as sleep } from 'node:timers/promises';
import type { Pieces, Store } from '../../../src/store/store.ts';
import { add, DAY, whoChanged } from './changes.ts';

export const CLAIMS = 20;
export const BLOB_BYTES = 400_000;

/** Of a blob of that name: nothing but the name, again and again. */
export function contentOfBlob(name: string): Buffer {
  return Buffer.alloc(BLOB_BYTES, `${name}\n`);
}

async function* slowly(content: Buffer): Pieces {
  for (let at = 0; at < content.length; at += 100_000) {
    yield content.subarray(at, at + 100_000);
    await sleep(1);
  }
}

/** Does one thing on a store, and says each step of it on a line of stdout once it is acknowledged. Started by tests. */
export async function work(store: Store, [command, ...args]: string[]): Promise<void> {
  const say = (line: string | number) => process.stdout.write(`${line}\n`);
  switch (command) {
    case 'change': {
      const [name = '', first, end] = args;
      for (let i = Number(first); i < Number(end); i += 1) {
        const who = `${name}-${i}`;
        await store
          .budget(DAY)
          .update((current) => (whoChanged(current).includes(who) ? current : add(who)(current)));
        say(i);
      }
      return;
    }
    case 'claim': {
      const [batch_id = '', part] = args;
      const owner = { batch_id, part: Number(part) };
      const claims = await Promise.all(
        Array.from({ length: CLAIMS }, (_, i) =>
          store.claim(`msgbatch_${i}`).update((held) => held ?? { owner, tentative: false }),
        ),
      );
      for (const claim of claims) say(String(claim?.owner?.part));
      return;
    }
    case 'write': {
      const [batchId = '', seed] = args;
      for (let i = 0; ; i += 1) {
        const name = `blob-${seed}-${i}`;
        await store.blobs(batchId).write(name, slowly(contentOfBlob(name)));
        say(name);
      }
    }
    case 'stage': {
      const staging = await store.stage();
      await staging.blobs.write('content', slowly(contentOfBlob('content')));
      say(staging.batchId);
      await sleep(60_000);
      return;
    }
    default:
      throw new Error(`There is no work ${command}`);
  }
}
