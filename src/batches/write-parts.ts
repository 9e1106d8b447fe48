import { createFileWriter, type FileWriter } from '../files/file-writer.ts';
import type { Part } from '../store/record.ts';
import type { BatchFolder } from '../store/store.ts';
import { createTasksWriter } from '../store/tasks-file.ts';
import type { Limits } from './context.ts';
import type { RequestSink } from './prepare.ts';

const HEAD = '{"requests":[';
const TAIL = ']}';

/** Writes the tasks and the parts' bodies, each body in the form in which it is sent. */
export type PartsWriter = RequestSink & {
  /** Writes all through to the disk; the parts, ready to be sent. */
  finish(): Promise<Part[]>;
  /** Closes what is open, for the folder to be removed. */
  abandon(): Promise<void>;
};

/** A new part begins before a limit of the provider's would be passed. */
export async function createPartsWriter(
  folder: BatchFolder,
  limits: Pick<Limits, 'partRequests' | 'partBytes'>,
): Promise<PartsWriter> {
  const tasks = await createTasksWriter(folder);
  const parts: Part[] = [];
  let body: FileWriter | null = null;
  let requests = 0;
  let written = 0;

  async function endPart(file: FileWriter): Promise<void> {
    await file.write(TAIL);
    const { bytes, sha256 } = await file.finish();
    parts.push({
      number: parts.length + 1,
      attempt: 1,
      request_count: requests,
      first_task: written - requests,
      body_bytes: bytes,
      body_sha256: sha256,
      progress: { state: 'prepared' },
    });
    body = null;
    requests = 0;
  }

  return {
    async add(entry, request) {
      const needed = request.length + 1 + TAIL.length;
      const full = requests >= limits.partRequests || (body && body.position + needed > limits.partBytes);
      if (body !== null && full) await endPart(body);
      if (body === null) {
        body = await createFileWriter(folder.partBody(parts.length + 1));
        await body.write(HEAD);
      }
      if (requests > 0) await body.write(',');
      await tasks.add(entry, { offset: body.position, length: request.length });
      await body.write(request);
      requests += 1;
      written += 1;
    },
    async finish() {
      if (body !== null) await endPart(body);
      await tasks.close();
      return parts;
    },
    async abandon() {
      await body?.close();
      await tasks.abort();
    },
  };
}
