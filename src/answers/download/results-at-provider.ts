import { boundedResults } from '../../provider/bounded-results.ts';
import type { Context } from '../../state/context.ts';
import { sentCount } from '../../state/parts.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import type { Pieces } from '../../store/store.ts';

/** A part's results as they come from the provider, as far as its requests can have so many. Throws `api_uncertain` beyond. */
export function resultsAtProvider(
  context: Pick<Context, 'provider'>,
  { provider }: BatchRecord,
  part: CreatedPart,
): Pieces {
  return boundedResults(context.provider(provider), part.progress.provider_batch_id, sentCount(part));
}
