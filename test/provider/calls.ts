import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BatchError } from '../../src/errors.ts';
import type { Provider, RequestBody } from '../../src/provider/provider.ts';

/** A body to create a batch from: a text as it is, anything else as JSON, in a file in `folder`. */
export async function bodyFile(folder: string, content: unknown): Promise<RequestBody> {
  const file = path.join(folder, 'body.json');
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(file, text);
  return { bytes: Buffer.byteLength(text), open: () => createReadStream(file) };
}

/** The error that a call ends with; fails the test where it succeeds. */
export async function failure(call: Promise<unknown>): Promise<BatchError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof BatchError) return error;
  throw new Error(`expected a BatchError, got ${String(error)}`);
}

/** A batch's results, as they come. */
export async function download(from: Provider, id: string, signal?: AbortSignal): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of from.streamResults(id, signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
