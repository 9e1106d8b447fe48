import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ulid } from 'ulid';
import * as z from 'zod';
import { BatchError, hasErrorCode } from '../errors.ts';
import { inStore } from './files/store-failure.ts';

/** What every JSON file of the store holds: a value, and the change that wrote it. */
export type Envelope<T> = {
  change_id: string;
  /** RFC 3339, by the writer's clock. */
  at: string;
  value: T;
};

const envelope = z.object({
  schema: z.literal(1),
  change_id: z.string(),
  at: z.string(),
  value: z.unknown(),
});

export function seal<T>(value: T): Envelope<T> {
  return { change_id: ulid(), at: new Date().toISOString(), value };
}

function damaged(path: string, problem: string, cause?: unknown): BatchError {
  return new BatchError(
    'store_damaged',
    `${path} can't be read: ${problem}. It was left as it is; restore it from a backup, or move it away.`,
    { cause },
  );
}

/** Where the schema was not met and how, without the values that stand there. */
function describe(error: z.ZodError): string {
  const first = error.issues[0];
  return first ? `${first.path.join('.') || 'the whole'}: ${first.message}` : 'not as expected';
}

function decode<T>(path: string, text: string, schema: z.ZodType<T>): Envelope<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own error is dropped, for it quotes what the file holds.
    throw damaged(path, text === '' ? 'it is empty' : 'it is not JSON, or was cut short');
  }
  const outer = envelope.safeParse(json);
  if (!outer.success) throw damaged(path, describe(outer.error), outer.error);
  const inner = schema.safeParse(outer.data.value);
  if (!inner.success) throw damaged(path, describe(inner.error), inner.error);
  return { change_id: outer.data.change_id, at: outer.data.at, value: inner.data };
}

/**
 * The text of a file at `path`. Checked as a reader will check it, for what is written can't be taken back:
 * a value that could never be read again (a NaN, which JSON turns into null) must not become the truth.
 */
export function encodeEnvelope<T>(path: string, content: Envelope<T>, schema: z.ZodType<T>): string {
  const text = `${JSON.stringify({ schema: 1, ...content })}\n`;
  try {
    decode(path, text, schema);
  } catch (error) {
    throw new BatchError('internal', `What was to be written to ${path} could not be read again.`, {
      cause: error,
    });
  }
  return text;
}

/** The text of a regular file, null where there is none. A link is not followed, a pipe not waited for. */
async function readOwnFile(path: string): Promise<string | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: unknown) => {
    if (hasErrorCode(error, 'ENOENT')) return null;
    if (hasErrorCode(error, 'ELOOP', 'EMLINK')) throw damaged(path, 'it is a symbolic link', error);
    if (hasErrorCode(error, 'ENXIO', 'EISDIR')) throw damaged(path, 'it is not a regular file', error);
    throw error;
  });
  if (handle === null) return null;
  try {
    if (!(await handle.stat()).isFile()) throw damaged(path, 'it is not a regular file');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** What a file of the store holds, null where there is none; `store_damaged` where it is no such file. */
export async function readEnvelope<T>(path: string, schema: z.ZodType<T>): Promise<Envelope<T> | null> {
  const text = await inStore('read', path, () => readOwnFile(path));
  return text === null ? null : decode(path, text, schema);
}
