import { BatchError } from '../errors.ts';
import type { Context } from '../state/context.ts';
import type { BatchRecord, CreatedPart } from '../store/record.ts';
import type { Pieces } from '../store/store.ts';

const MEGABYTE = 1024 * 1024;
/** Many times the longest answer that a model gives, with all that its tools brought. */
const LONGEST_LINE_BYTES = 32 * MEGABYTE;
/** For each request, on the average, and for all of a small batch. */
const REQUEST_BYTES = 4 * MEGABYTE;
const LEAST_BYTES = 64 * MEGABYTE;

const NEWLINE = 10;

/** A part's results as they come from the provider, as far as its requests can have so many. Throws `api_uncertain` beyond. */
export function boundedResults(context: Context, { provider }: BatchRecord, part: CreatedPart): Pieces {
  const id = part.progress.provider_batch_id;
  const most = LEAST_BYTES + part.request_count * REQUEST_BYTES;
  return bounded(context.provider(provider).streamResults(id), { id, most, longestLine: LONGEST_LINE_BYTES });
}

type Bounds = { id: string; most: number; longestLine: number };

/** Passes pieces on until there are more bytes, or more without an end of line, than there can be. */
export async function* bounded(pieces: Pieces, { id, most, longestLine }: Bounds): Pieces {
  let bytes = 0;
  let line = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > most) throw tooMuch(`The results of ${id} are larger than its requests can have`, most);
    const end = piece.lastIndexOf(NEWLINE);
    line = end === -1 ? line + piece.length : piece.length - end - 1;
    if (line > longestLine)
      throw tooMuch(`A line of the results of ${id} is longer than any answer`, longestLine);
    yield piece;
  }
}

function tooMuch(what: string, most: number): BatchError {
  return new BatchError(
    'api_uncertain',
    `${what} (over ${Math.round(most / MEGABYTE)} MB), and they were not read on. Nothing of them was kept: ask the person to look ` +
      'at what answers in place of the API (ANTHROPIC_BASE_URL, a proxy), then call batch_status.',
  );
}
