import { parentPort, workerData } from 'node:worker_threads';
import { createGrowth } from '../lib/growing-file.ts';
import { answer } from '../lib/thread-answers.ts';
import { type ScanJob, scanPart } from './scan-part.ts';
import type { Scan } from './scan-results.ts';
import type { GrowthMessage } from './scanning.ts';

/** Scans the results of one part, on a thread of its own. */
const job: ScanJob = workerData;
const growth = createGrowth();
parentPort?.on('message', ({ bytes, ended }: GrowthMessage) =>
  ended ? growth.end(bytes) : growth.reach(bytes),
);
await answer<Scan>((onProgress) => scanPart(job, growth, onProgress));
// Who listens keeps the thread alive.
parentPort?.unref();
