import * as z from 'zod';
import { BatchError } from '../../errors.ts';

const position = z.strictObject({
  /** What the pages show, and with which filters. */
  of: z.string(),
  next: z.int().nonnegative(),
});

/** A position in a list of pages, as an opaque text that the caller hands back. */
export function writeCursor(of: string, next: number): string {
  return Buffer.from(JSON.stringify({ of, next })).toString('base64url');
}

/** Where to go on. `of` must be what the cursor was made for: other filters or newer results need a new start. */
export function readCursor(cursor: string, of: string): number {
  const read = decode(cursor);
  const wrong =
    read === null
      ? 'is not one that this server gave'
      : 'is for another batch, other filters, or older results';
  if (read?.of === of) return read.next;
  throw new BatchError('invalid_input', "The cursor can't be used.", {
    problems: [
      {
        field: 'cursor',
        problem: wrong,
        valid:
          'next_cursor of the last reply, with the same arguments; without a cursor it starts from the beginning',
      },
    ],
  });
}

function decode(cursor: string): z.infer<typeof position> | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  return position.safeParse(value).data ?? null;
}
