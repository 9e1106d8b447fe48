import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { BatchError } from '../errors.ts';
import { createPieceCollector } from '../files/collect-pieces.ts';

/** One end of a way for bytes to another thread; plain data, with the port to be transferred. */
export type PieceChannel = {
  port: MessagePort;
  /** Slots, filled and emptied in turn. */
  memory: SharedArrayBuffer;
};

/** What the sender says; the receiver says with each message that a slot is free again. */
type Message = { kind: 'piece'; bytes: number } | { kind: 'end' } | { kind: 'broken' };

/** Large, for to wake the other thread costs as much as to copy some hundred kilobytes. */
const SLOT_BYTES = 1024 * 1024;
const SLOTS = 4;

/**
 * A way for bytes from one thread to another. Its memory is shared: were each piece's own handed over, their sum would
 * count as memory in use on both sides, and be collected in full again and again.
 */
export function openPieceChannel(): { near: PieceChannel; far: PieceChannel } {
  const { port1, port2 } = new MessageChannel();
  const memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
  return { near: { port: port1, memory }, far: { port: port2, memory } };
}

/** Waits for something that may be told at any time. */
function createSignal() {
  let tell = () => {};
  return {
    tell: () => tell(),
    told: () =>
      new Promise<void>((resolve) => {
        tell = resolve;
      }),
  };
}

/**
 * Copies pieces to `receivePieces` at the other end, and waits while that one is behind. Where the pieces fail, so does
 * this; where the other end is closed early, it just stops: whoever runs the other end knows why.
 */
export async function sendPieces(
  { port, memory }: PieceChannel,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const signal = createSignal();
  const doneWith = createPieceCollector();
  let slot = 0;
  let filled = 0;
  let free = SLOTS;
  let closed = false;
  port.on('message', () => {
    free += 1;
    signal.tell();
  });
  port.on('close', () => {
    closed = true;
    signal.tell();
  });
  const say = (message: Message) => port.postMessage(message);

  async function pass(): Promise<void> {
    say({ kind: 'piece', bytes: filled });
    slot = (slot + 1) % SLOTS;
    filled = 0;
    free -= 1;
    while (free === 0 && !closed) await signal.told();
  }

  try {
    for await (const piece of pieces) {
      for (let taken = 0; taken < piece.length && !closed; ) {
        const part = piece.subarray(taken, taken + SLOT_BYTES - filled);
        new Uint8Array(memory, slot * SLOT_BYTES + filled).set(part);
        filled += part.length;
        taken += part.length;
        if (filled === SLOT_BYTES) await pass();
      }
      if (closed) return;
      doneWith(piece.length);
    }
    if (filled > 0) await pass();
    say({ kind: 'end' });
  } catch (error) {
    say({ kind: 'broken' });
    throw error;
  } finally {
    port.close();
  }
}

/**
 * The bytes that `sendPieces` sends, each piece for as long as the next one is not asked for. Fails where the sender
 * did, or is gone.
 */
export async function* receivePieces({ port, memory }: PieceChannel): AsyncGenerator<Uint8Array> {
  const signal = createSignal();
  const waiting: Message[] = [];
  const take = (message: Message) => {
    waiting.push(message);
    signal.tell();
  };
  port.on('message', take);
  // What was said before has come by then.
  port.on('close', () => take({ kind: 'broken' }));
  let slot = 0;
  try {
    for (;;) {
      const message = waiting.shift();
      if (message === undefined) await signal.told();
      else if (message.kind === 'end') return;
      else if (message.kind === 'broken') {
        throw new BatchError('internal', 'The bytes from another thread broke off.');
      } else {
        yield new Uint8Array(memory, slot * SLOT_BYTES, message.bytes);
        slot = (slot + 1) % SLOTS;
        port.postMessage(null);
      }
    }
  } finally {
    port.close();
  }
}
