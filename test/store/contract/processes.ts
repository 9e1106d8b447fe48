import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { bundle } from '../../bundle.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import type { StoreDriver, TestedStore } from '../contract.ts';
import { commitBatch } from './batches.ts';
import { DAY, whoChanged } from './changes.ts';
import { BLOB_BYTES, CLAIMS, contentOfBlob } from './worker.ts';

const CHANGES = 20;
const workers = Array.from({ length: 4 }, (_, w) => `worker${w}`);

type Worker = { child: ChildProcess; ended: Promise<string[]> };
/** Starts a process that does one thing on the store. `ended` gives the lines that it printed. */
type Start = (...command: (string | number)[]) => Worker;

async function starter({ elsewhere }: TestedStore): Promise<Start> {
  const folder = await temporaryFolder();
  const entry = path.join(folder, 'store-worker.ts');
  const work = path.join(import.meta.dirname, 'worker.ts');
  await writeFile(
    entry,
    `import { createStore } from ${JSON.stringify(elsewhere?.module)};
     import { work } from ${JSON.stringify(work)};
     await work(createStore({ ...${JSON.stringify(elsewhere?.settings)}, log() {} }), process.argv.slice(2));`,
  );
  const script = await bundle(entry, folder);
  return (...command) => {
    const child = spawn(process.execPath, [script, ...command.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    // A line that was cut by the process's death was not said.
    const lines = () =>
      said
        .slice(0, said.lastIndexOf('\n') + 1)
        .split('\n')
        .slice(0, -1);
    return { child, ended: once(child, 'close').then(lines) };
  };
}

/** Kills whoever has said something, one after another, `times` times or until `done`. */
function killer(times: number) {
  const living = new Set<ChildProcess>();
  let kills = 0;
  const timer = setInterval(() => {
    const victims = [...living];
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (kills < times && victim?.kill('SIGKILL')) kills += 1;
  }, 75);
  return {
    /** Only those at work: a process killed while it starts shows nothing. */
    watch({ child }: Worker) {
      child.stdout?.once('data', () => living.add(child));
      child.once('close', () => living.delete(child));
    },
    stop() {
      clearInterval(timer);
      return kills;
    },
  };
}

export function describeProcesses(driver: StoreDriver): void {
  describe('several processes', { timeout: 120_000 }, () => {
    /** Skips the test where the store lives in one process. */
    async function open({ skip }: TestContext) {
      const tested = await driver();
      if (!tested.elsewhere) skip('this store lives in one process');
      return { store: tested.open(), start: await starter(tested) };
    }

    it.for([
      ['work', 0],
      ['are killed at any moment', 10],
    ] as const)('lose no acknowledged change of a register when they %s', async ([, kills], test) => {
      const { store, start } = await open(test);
      const killing = killer(kills);
      async function toTheEnd(name: string): Promise<void> {
        for (let done = 0; done < CHANGES; ) {
          const worker = start('change', name, done, CHANGES);
          killing.watch(worker);
          done += (await worker.ended).length;
        }
      }
      await Promise.all(workers.map(toTheEnd));
      if (kills > 0) expect(killing.stop()).toBeGreaterThan(0);
      killing.stop();

      const register = store.budget(DAY);
      const all = workers.flatMap((name) => Array.from({ length: CHANGES }, (_, i) => `${name}-${i}`));
      expect(whoChanged(await register.read()).toSorted()).toEqual(all.toSorted());
      const history = await register.history();
      expect(history.map(({ number }) => number)).toEqual(all.map((_, i) => i + 1));
      // Each revision is the one before it and one change more: none was made on something stale.
      for (const [i, { value }] of history.entries()) {
        expect(whoChanged(value).slice(0, -1)).toEqual(whoChanged(history[i - 1]?.value ?? null));
      }
    });

    it('agree who owns what they all claim', async (test) => {
      const { store, start } = await open(test);
      const batchId = await commitBatch(store);
      const answers = await Promise.all(
        [1, 2, 3, 4, 5, 6].map((part) => start('claim', batchId, part).ended),
      );
      const held: string[] = [];
      for (let i = 0; i < CLAIMS; i += 1) {
        held.push(String((await store.claim(`msgbatch_${i}`).read())?.owner?.part));
      }
      for (const answer of answers) expect(answer).toEqual(held);
    });

    it('leave no part of a blob when they are killed at any moment, and all that they told of', async (test) => {
      const { store, start } = await open(test);
      const batchId = await commitBatch(store);
      const blobs = store.blobs(batchId);
      const told = new Set<string>();
      for (let kill = 0; kill < 3; kill += 1) {
        // Two at a time, which write under the same names.
        const writers = [0, 1].map(() => start('write', batchId, kill));
        await Promise.all(writers.map(({ child }) => once(child.stdout ?? child, 'data')));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
        for (const { child } of writers) child.kill('SIGKILL');
        for (const { ended } of writers) for (const name of await ended) told.add(name);
      }
      expect(told.size).toBeGreaterThan(3);
      for (let kill = 0; kill < 3; kill += 1) {
        for (let i = 0; i < 1_000; i += 1) {
          const name = `blob-${kill}-${i}`;
          const size = await blobs.size(name);
          if (size === null && !told.has(name)) break;
          expect([name, size]).toEqual([name, BLOB_BYTES]);
          const [content] = await blobs.readRanges(name, [{ offset: 0, length: BLOB_BYTES }]);
          expect(content?.equals(contentOfBlob(name))).toBe(true);
        }
      }
    });

    it('leave nothing of what they were preparing when they die, once that is swept', async (test) => {
      const { store, start } = await open(test);
      const { child, ended } = start('stage');
      const [said] = await once(child.stdout ?? child, 'data');
      const batchId = String(said).trim();
      await store.sweep();
      child.kill('SIGKILL');
      await ended;
      await store.sweep();
      expect(await store.batchIds()).toEqual([]);
      expect(await store.blobs(batchId).size('content')).toBeNull();
    });
  });
}
