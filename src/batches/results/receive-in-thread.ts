import { answerOf } from '../../threads/answer.ts';
import { openPieceChannel, type PieceChannel, sendPieces } from '../../threads/pieces.ts';
import { startThread } from '../../threads/thread.ts';
import type { Received, Reception } from './receive.ts';

/** What `results-thread.ts` is started with. */
export type ResultsThreadData = { channel: PieceChannel; reception: Reception };

/**
 * As `receive`, on a thread: this one, which has the replies to give, only takes the bytes from the network. When
 * this ends, the thread has, and nobody writes to the file.
 */
export async function receiveInThread(
  chunks: AsyncIterable<Uint8Array>,
  reception: Reception,
  onLines: (lines: number) => void,
): Promise<Received> {
  const { near, far } = openPieceChannel();
  const data: ResultsThreadData = { channel: far, reception };
  const thread = startThread({ name: 'results-thread', from: import.meta.url }, data, [far.port]);
  const [sent, received] = await Promise.allSettled([
    sendPieces(near, chunks),
    answerOf<Received>(thread, onLines),
  ]);
  // The first cause: where the download fails, so does the thread that it went to.
  if (sent.status === 'rejected') throw sent.reason;
  if (received.status === 'rejected') throw received.reason;
  return received.value;
}
