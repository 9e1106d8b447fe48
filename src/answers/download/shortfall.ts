import { setTimeout as sleep } from 'node:timers/promises';
import { BatchError } from '../../errors.ts';
import type { Context } from '../../state/context.ts';
import { sentCount } from '../../state/parts.ts';
import type { CreatedPart, Part } from '../../store/record.ts';
import type { Scan } from './scan-results.ts';

type Counted = Pick<Scan, 'lines' | 'strange' | 'outcomes'>;
type Proof = Pick<Scan, 'lines' | 'strange' | 'isMarked' | 'isOfAnother'>;

/** How many lines the results have, as the API counts them. */
export function linesCounted({ progress }: CreatedPart): number {
  return Object.values(progress.seen.request_counts).reduce((sum, count) => sum + count, 0);
}

/** As many lines as the API counts, each with an id that was sent, none twice, none left out. */
export function isWhole(scan: Counted, part: CreatedPart): boolean {
  const strange = scan.strange.unreadable + scan.strange.unknown + scan.strange.repeated;
  return scan.lines === linesCounted(part) && strange === 0 && scan.outcomes.missing === 0;
}

/**
 * Throws `api_uncertain` for what came in place of results: a page, an error or something else, of which no line is a result; or another
 * batch's, which a cache on the way may give. For a part that is not certainly ours, these show that it isn't.
 */
export function requireResults(scan: Proof, { progress }: CreatedPart): void {
  const { provider_batch_id: id, tentative } = progress;
  if (scan.lines > 0 && scan.strange.unreadable === scan.lines)
    throw cameAsSomethingElse(id, 'holds no results, but a page, an error or something else');
  if (!tentative && scan.isMarked === false && scan.isOfAnother)
    throw cameAsSomethingElse(id, 'holds the results of another batch, and none of it was kept');
}

function cameAsSomethingElse(id: string, what: string): BatchError {
  return new BatchError(
    'api_uncertain',
    `The results of ${id} could not be read: what came ${what}. Nothing is lost, the ` +
      'results stay at the API: try again in a minute. If that persists, ask the person to look at what answers in place of the API ' +
      '(ANTHROPIC_BASE_URL, a proxy).',
  );
}

/** How a download is not whole. */
export function shortfall({ lines, strange, outcomes }: Counted, part: Part): string {
  return (
    `${lines} lines for ${sentCount(part)} requests, ${outcomes.missing} without one, ` +
    `${strange.unreadable} unreadable, ${strange.unknown} of unknown ids, ${strange.repeated} repeated`
  );
}

/** What is said for good of results that never came whole. */
export function shortfallWarning(scan: Counted, part: Part): string {
  const { missing } = scan.outcomes;
  const what =
    missing > 0
      ? `hold no answer for ${missing} ${part.packs === undefined ? 'tasks' : 'requests that several tasks share'}`
      : 'are not as they should be';
  return `The API's results ${what}, however often they were fetched (${shortfall(scan, part)}).`;
}

/** Waits before a download, the first of which is 1, of the same results: what is wrong at the API may have passed. */
export function pauseBefore(context: Pick<Context, 'limits'>, fetch: number): Promise<void> {
  return sleep((fetch - 1) * context.limits.downloadPauseMs);
}

/** For results that came short, but may yet come whole. */
export function cameShort(id: string): BatchError {
  return new BatchError(
    'api_uncertain',
    `The results of ${id} could not be downloaded whole. Nothing is lost, they stay at the API: try again in a minute.`,
  );
}
