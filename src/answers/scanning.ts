import { hasErrorCode } from '../errors.ts';
import { createGrowth, type Growth } from '../lib/growing-file.ts';
import { startThread } from '../lib/thread.ts';
import { answerOf } from '../lib/thread-answers.ts';
import { type ScanJob, scanPart } from './scan-part.ts';
import type { Scan } from './scan-results.ts';

/** A scan that goes on while its file is being written. */
export type Scanning = {
  /** So many bytes are in the file by now. */
  reach(bytes: number): void;
  /** What the file holds, which has so many bytes in all. Fails as soon as the scan does. */
  finish(bytes: number): Promise<Scan>;
  /** Whether it has failed: no more bytes are of use, and `finish` tells why. */
  readonly failed: boolean;
  /** Ends it wherever it is. */
  stop(): Promise<void>;
};

export type StartScanning = (job: ScanJob, onLines: (lines: number) => void) => Scanning;

type Told = Omit<Growth, 'beyond'>;

function scanningOf(scan: Promise<Scan>, growth: Told, end: () => Promise<unknown>): Scanning {
  let failed = false;
  scan.catch(() => {
    failed = true;
  });
  return {
    reach: growth.reach,
    finish(bytes) {
      growth.end(bytes);
      return scan;
    },
    get failed() {
      return failed;
    },
    async stop() {
      await end();
      await Promise.allSettled([scan]);
    },
  };
}

/** Scans on this thread. */
export const scanHere: StartScanning = (job, onLines) => {
  const growth = createGrowth();
  return scanningOf(scanPart(job, growth, onLines), growth, async () => growth.end(0));
};

/** What is told to `scan-thread.ts`. */
export type GrowthMessage = { bytes: number; ended: boolean };

/** Null where this process may start none: Node's permission model forbids it unless it is told otherwise. */
function tryThread(job: ScanJob) {
  try {
    return startThread({ name: 'scan-thread', from: import.meta.url }, job);
  } catch (error) {
    if (hasErrorCode(error, 'ERR_ACCESS_DENIED')) return null;
    throw error;
  }
}

/** Scans on a thread of its own, which has ended when this has. */
export const scanInThread: StartScanning = (job, onLines) => {
  const thread = tryThread(job);
  // Slower, and holding up the calls of others now and then, but it gets there.
  if (thread === null) return scanHere(job, onLines);
  const say = (message: GrowthMessage) => thread.postMessage(message);
  const growth: Told = {
    reach: (bytes) => say({ bytes, ended: false }),
    end: (bytes) => say({ bytes, ended: true }),
  };
  return scanningOf(answerOf(thread, onLines), growth, () => thread.terminate());
};
