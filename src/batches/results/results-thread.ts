import { workerData } from 'node:worker_threads';
import { answer } from '../../threads/answer.ts';
import { receivePieces } from '../../threads/pieces.ts';
import { type Received, receive } from './receive.ts';
import type { ResultsThreadData } from './receive-in-thread.ts';

/** Receives one download, on a thread of its own. */
const { channel, reception }: ResultsThreadData = workerData;
await answer<Received>((onProgress) => receive(receivePieces(channel), reception, onProgress));
