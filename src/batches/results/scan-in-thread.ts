import { answerOf } from '../../threads/answer.ts';
import { openPieceChannel, type PieceChannel, sendPieces } from '../../threads/pieces.ts';
import { startThread } from '../../threads/thread.ts';
import type { ScanJob } from './scan-part.ts';
import type { Scan } from './scan-results.ts';

/** What `scan-thread.ts` is started with. */
export type ScanThreadData = { channel: PieceChannel; job: ScanJob };

/** As `scanPart`, on a thread, which has ended when this does. The chunks are asked for on this one, and at once. */
export async function scanInThread(
  chunks: AsyncIterable<Uint8Array>,
  job: ScanJob,
  onLines: (lines: number) => void,
): Promise<Scan> {
  const { near, far } = openPieceChannel();
  const data: ScanThreadData = { channel: far, job };
  const thread = startThread({ name: 'scan-thread', from: import.meta.url }, data, [far.port]);
  const [sent, scanned] = await Promise.allSettled([
    sendPieces(near, chunks),
    answerOf<Scan>(thread, onLines),
  ]);
  // The first cause: where the chunks fail, so does the thread that they went to.
  if (sent.status === 'rejected') throw sent.reason;
  if (scanned.status === 'rejected') throw scanned.reason;
  return scanned.value;
}
