import { crc32 } from 'node:zlib';
import { ulid } from 'ulid';
import * as z from 'zod';
import { BatchError } from '../errors.ts';
import { checkStored, damaged, FORM, parseStored } from './stored-json.ts';

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
  /** A checksum of the text before it and of its place. Missing in older versions, and in registers that decide no money. */
  sum: z.string().exactOptional(),
});

/** A revision's place: one copied to another register or number is not what was written there. */
export type Standing = { register: string; number: number };

const SUM = ',"sum":';

function sumOf({ register, number }: Standing, text: string): string {
  return crc32(`${register} ${number} ${text}`).toString(16).padStart(8, '0');
}

export function seal<T>(value: T): Envelope<T> {
  return { change_id: ulid(), at: new Date().toISOString(), value };
}

/**
 * Reads the text found at `place`. `store_damaged` if it is not an envelope of such a value or, with `standing`, not the one that was
 * written there: a value can be wrong though its schema allows it.
 */
export function decodeEnvelope<T>(
  place: string,
  text: string,
  schema: z.ZodType<T>,
  standing?: Standing,
): Envelope<T> {
  const { change_id, at, value, sum } = checkStored(place, parseStored(place, text), envelope);
  const checked = checkStored(place, value, schema);
  if (standing !== undefined && sum !== undefined) {
    const summed = text.slice(0, Math.max(0, text.lastIndexOf(SUM)));
    if (sumOf(standing, summed) !== sum) throw damaged(place, 'it is not what was written there');
  }
  return { change_id, at, value: checked };
}

/**
 * The text to write at `place`, checked as a reader will check it: what is written can't be taken back, so a value that
 * could never be read again (a NaN, which JSON turns into null) must not get there.
 */
export function encodeEnvelope<T>(
  place: string,
  content: Envelope<T>,
  schema: z.ZodType<T>,
  standing?: Standing,
): string {
  const open = JSON.stringify({ schema: FORM, ...content }).slice(0, -1);
  const sum = standing === undefined ? '' : `${SUM}"${sumOf(standing, open)}"`;
  const text = `${open}${sum}}\n`;
  try {
    decodeEnvelope(place, text, schema);
  } catch (error) {
    throw new BatchError('internal', `Refused to write to ${place} what could not be read back.`, {
      cause: error,
    });
  }
  return text;
}
