import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ExactNumber } from './exact-json.ts';

export type JsonObject = { [key: string]: unknown };

/** Whether a value is a JSON object: not null, not a list, and not an exact number. */
export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
  );
}

/** Far more than any task or answer needs, and far less than would overflow the call stack. */
export const MOST_LEVELS = 500;

export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

/** Where JSON is broken, counted from 1. */
type JsonPosition = { line: number; column: number };

function positionOf(error: unknown): JsonPosition | null {
  if (!(error instanceof Error) || !('line' in error) || !('pos' in error)) return null;
  return { line: Number(error.line), column: Number(error.pos) };
}

/** Where the JSON text of `source` is broken; null where it is not, or that can't be determined. */
export async function locateJsonError(source: AsyncIterable<string>): Promise<JsonPosition | null> {
  const { verifier } = await import('stream-json/utils/verifier.js');
  const discard = new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(Readable.from(source), verifier.asStream(), discard);
    return null;
  } catch (error) {
    return positionOf(error);
  }
}

/** Decodes UTF-8 piece by piece, without a byte order mark. Throws `TypeError` at a byte that is not UTF-8. */
export async function* decodeUtf8(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** Drops `null` entries of one object level: some clients send null for an optional argument left out. */
export function withoutNulls(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== null));
}
