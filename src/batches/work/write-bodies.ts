import type { FileWriter } from '../../files/file-writer.ts';
import type { Limits } from '../context.ts';

const HEAD = '{"requests":[';
const TAIL = ']}';

/** Where a request stands: in which body, and there in bytes. */
export type RequestPlace = { number: number; offset: number; length: number };

/** A body that is whole on disk, in the form in which it is sent. */
export type WrittenBody = { number: number; request_count: number; bytes: number; sha256: string };

export type BodiesWriter = {
  add(request: Buffer): Promise<RequestPlace>;
  /** Writes the last body through to the disk; all of them, in order. Their names are the caller's to sync. */
  finish(): Promise<WrittenBody[]>;
  /** Closes what is open, for files that are removed. */
  abandon(): Promise<void>;
};

/**
 * Writes requests into the bodies of provider batches; a new one begins before a limit of the provider's would
 * be passed. `open` creates the file of the next body, under the number that it chooses.
 */
export function createBodiesWriter(
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
  open: () => Promise<{ number: number; file: FileWriter }>,
): BodiesWriter {
  const bodies: WrittenBody[] = [];
  let body: { number: number; file: FileWriter } | null = null;
  let requests = 0;

  async function end({ number, file }: { number: number; file: FileWriter }): Promise<void> {
    await file.write(TAIL);
    bodies.push({ number, request_count: requests, ...(await file.finish()) });
    body = null;
    requests = 0;
  }

  return {
    async add(request) {
      const needed = request.length + 1 + TAIL.length;
      const full =
        requests >= limits.partRequests || (body && body.file.position + needed > limits.partBytes);
      if (body !== null && full) await end(body);
      if (body === null) {
        body = await open();
        await body.file.write(HEAD);
      }
      if (requests > 0) await body.file.write(',');
      const place = { number: body.number, offset: body.file.position, length: request.length };
      await body.file.write(request);
      requests += 1;
      return place;
    },
    async finish() {
      if (body !== null) await end(body);
      return bodies;
    },
    async abandon() {
      await body?.file.close();
    },
  };
}
