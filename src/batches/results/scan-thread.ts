import { workerData } from 'node:worker_threads';
import { answer } from '../../threads/answer.ts';
import { receivePieces } from '../../threads/pieces.ts';
import type { ScanThreadData } from './scan-in-thread.ts';
import { scanPart } from './scan-part.ts';
import type { Scan } from './scan-results.ts';

/** Scans the results of one part, on a thread of its own. */
const { channel, job }: ScanThreadData = workerData;
await answer<Scan>((onProgress) => scanPart(receivePieces(channel), job, onProgress));
