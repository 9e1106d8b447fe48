import { describe } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { describeBatches } from './contract/batches.ts';
import { describeBlobs } from './contract/blobs.ts';
import { describeProcesses } from './contract/processes.ts';
import { describeRegisters } from './contract/registers.ts';

/** A store that is being tested: one and the same for each who opens it. */
export type TestedStore = {
  /** Opens it, as another process would. */
  open: () => Store;
  /** What a process of its own opens it with: a module, and what its `createStore` takes. Absent where none can. */
  elsewhere?: { module: string; settings: Readonly<Record<string, unknown>> };
};

/** Gives a new, empty store. */
export type StoreDriver = () => Promise<TestedStore>;

/** What every store does, whatever it keeps its records and blobs in. */
export function describeStore(name: string, driver: StoreDriver): void {
  describe(`store contract: ${name}`, () => {
    describeRegisters(driver);
    describeBlobs(driver);
    describeBatches(driver);
    describeProcesses(driver);
  });
}
