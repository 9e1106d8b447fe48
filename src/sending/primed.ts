import type { Context } from '../state/context.ts';
import { isCreated } from '../state/parts.ts';
import type { BatchRecord, Part } from '../store/record.ts';

/** The provider keeps cached content for an hour after its last use; the other requests have to begin within that. */
const KEPT_MS = 50 * 60_000;
/** The API's answers come from many computers, whose clocks differ. */
const CLOCKS_APART_MS = 60_000;

/**
 * Decides how to send the parts that were to read what the first request wrote into the cache: if there is nothing to
 * read, without cache marks, which would double the cost; if the first request was canceled, not at all. Returns whether
 * anything changed. Asks the provider, and throws its errors.
 */
export async function settlePrimed(context: Context, record: BatchRecord, part: Part): Promise<boolean> {
  if (part.after === undefined) return false;
  const primer = record.parts.find(({ number }) => number === part.after);
  const isToCome = ({ after, progress }: Part) => after === part.after && progress.state === 'prepared';
  const change = async (to: (part: Part) => Part, warning?: string) => {
    await context.store.record(record.batch_id).update(
      (current) =>
        current && {
          ...current,
          parts: current.parts.map((each) => (isToCome(each) ? to(each) : each)),
          warnings: warning === undefined ? current.warnings : [...new Set([...current.warnings, warning])],
        },
    );
    return true;
  };
  if (primer !== undefined && isCreated(primer) && isCanceled(primer.progress.seen.request_counts)) {
    const failure = { code: 'canceled', message: CANCELED, at: context.now().toISOString() };
    return change((each) => ({ ...each, progress: { state: 'not_sent', failure } }));
  }
  if (part.cache !== 'marked') return false;
  const why = await whyNothingIsRead(context, record, primer);
  if (why === null) return false;
  return change(
    (each) => ({ ...each, cache: 'blank' }),
    `The other requests were sent without the cache: ${why}.`,
  );
}

type Counts = { succeeded: number; canceled: number };
const isCanceled = ({ succeeded, canceled }: Counts) => succeeded === 0 && canceled > 0;

const CANCELED = 'The request that was to fill the cache for it was canceled.';

async function whyNothingIsRead(
  context: Context,
  { provider }: BatchRecord,
  primer: Part | undefined,
): Promise<string | null> {
  if (primer === undefined || !isCreated(primer)) return 'the one that was to fill it is gone';
  const { request_counts, ended_at } = primer.progress.seen;
  if (request_counts.succeeded === 0) return 'the one that went first to fill it was not answered';
  // Both by the API's clock: a computer's can be set to any time.
  const { at } = await context.provider(provider).listBatches({ limit: 1 });
  const since = Date.parse(at ?? '') - Date.parse(ended_at ?? '');
  if (!(since >= -CLOCKS_APART_MS))
    return 'the API does not tell how long ago the one that filled it was answered';
  if (since <= KEPT_MS) return null;
  const minutes = Math.round(since / 60_000);
  return `the first look came ${minutes} minutes after the answer of the one that filled it, and it is kept for an hour`;
}
