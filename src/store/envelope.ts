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
  /** Of all before it, and of where it stands. Not kept by versions before, nor for what no money is decided by. */
  sum: z.string().exactOptional(),
});

/** Where a revision stands: one that was copied to another register, or to a later number, is not what was written there. */
export type Standing = { register: string; number: number };

const SUM = ',"sum":';

function sumOf({ register, number }: Standing, text: string): string {
  return crc32(`${register} ${number} ${text}`).toString(16).padStart(8, '0');
}

export function seal<T>(value: T): Envelope<T> {
  return { change_id: ulid(), at: new Date().toISOString(), value };
}

/**
 * What a text holds, which stands at `place`; `store_damaged` where it is no envelope of such a value, or, given where it stands, not
 * the one that was written there: a value that its schema allows can be wrong all the same.
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
 * The text that is to stand at `place`. Checked as a reader will check it, for what is written can't be taken back:
 * a value that could never be read again (a NaN, which JSON turns into null) must not become the truth.
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
    throw new BatchError('internal', `What was to be written to ${place} could not be read back.`, {
      cause: error,
    });
  }
  return text;
}
