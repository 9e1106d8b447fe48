import { ulid } from 'ulid';
import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { checkStored, FORM, parseStored } from './stored-json.ts';

/** What every revision of a register holds: a value, and the change that wrote it. */
export type Envelope<T> = {
  change_id: string;
  /** RFC 3339, by the writer's clock. */
  at: string;
  value: T;
};

const envelope = z.object({
  schema: z.literal(FORM),
  change_id: z.string(),
  at: z.string(),
  value: z.unknown(),
});

export function seal<T>(value: T): Envelope<T> {
  return { change_id: ulid(), at: new Date().toISOString(), value };
}

/** What a text holds, which stands at `place`; `store_damaged` where it is no envelope of such a value. */
export function decodeEnvelope<T>(place: string, text: string, schema: z.ZodType<T>): Envelope<T> {
  const { change_id, at, value } = checkStored(place, parseStored(place, text), envelope);
  return { change_id, at, value: checkStored(place, value, schema) };
}

/**
 * The text that is to stand at `place`. Checked as a reader will check it, for what is written can't be taken back:
 * a value that could never be read again (a NaN, which JSON turns into null) must not become the truth.
 */
export function encodeEnvelope<T>(place: string, content: Envelope<T>, schema: z.ZodType<T>): string {
  const text = `${JSON.stringify({ schema: FORM, ...content })}\n`;
  try {
    decodeEnvelope(place, text, schema);
  } catch (error) {
    throw new BatchError('internal', `What was to be written to ${place} could not be read back.`, {
      cause: error,
    });
  }
  return text;
}
