import { setImmediate as breathe } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { createUsageTally } from '../../cost/usage.ts';
import { isBlank, type Line, splitLines, withoutMark } from '../../lib/lines.ts';
import { ownId } from '../../lib/mark.ts';
import type { Ground } from '../../lib/schema/schema-keywords.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import type { CountedResult } from '../../provider/result.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord, CreatedPart } from '../../store/record.ts';
import {
  createResultsIndexBuilder,
  type ResultsIndex,
  type ResultsIndexData,
} from '../../store/results-index.ts';
import type { FailureGroup, OutcomeCounts, Usage } from '../../store/saved-results.ts';
import type { Pieces } from '../../store/store.ts';
import { failureOf, missingError, readSavedLine } from '../answer.ts';
import { type AnswerCheck, loadAnswerCheck } from '../check-answer.ts';
import { createFailureGroups } from '../failures.ts';
import { rankOf } from '../view/merge.ts';
import { type ExpectedTasks, expectedTasks } from './expected-tasks.ts';

/** What a results file holds, found in one pass over its bytes. */
export type Scan = {
  index: ResultsIndexData;
  /** The CRC-32 of all its bytes. */
  crc: number;
  lines: number;
  /** Lines that are no result, have an id that was not sent, or one that came before. */
  strange: { unreadable: number; unknown: number; repeated: number };
  /** Whether the part's mark is in it; null for a part that was sent without. */
  isMarked: boolean | null;
  /** Whether it holds the mark of another part, or the last request under the id that ours was not sent under. */
  isOfAnother: boolean;
  outcomes: OutcomeCounts;
  usage: Usage[];
  failures: FailureGroup[];
  /** Answers whose JSON stood in a fenced block. */
  fenced: number;
  /** Answers that could not be held against their schema: how many, the first few, and why not the first. */
  unchecked: Unchecked;
  /** Answers whose usage can't be read in full. */
  uncounted: number;
};

type Unchecked = { count: number; sample_ordinals: number[]; why: string };

const UNCHECKED_SAMPLES = 5;

/** What reading results takes: `check` where any of the tasks was asked for JSON. */
type ResultsReading = { dialect: Dialect; catalog: ModelCatalog; check?: AnswerCheck | undefined };

/** What is known of a request: whether a line of it came, and whether its usage was counted. */
const [NOT_SEEN, SEEN, BILLED] = [0, 1, 2];

/**
 * Reads results line by line, whatever their order. Of several lines with one id all after the first are counted as strange,
 * and the best is what counts: an answer that was paid for is not lost behind an error.
 */
export async function scanResults(
  chunks: AsyncIterable<Uint8Array>,
  expected: ExpectedTasks,
  { dialect, catalog, check }: ResultsReading,
  onLine: (lines: number) => void = () => {},
): Promise<Scan & { index: ResultsIndex }> {
  const builder = createResultsIndexBuilder(expected.count);
  const seen = new Uint8Array(expected.count);
  const failures = createFailureGroups();
  const groups: (FailureGroup | undefined)[] = [];
  const usage = createUsageTally(catalog);
  const outcomes = { succeeded: 0, incomplete: 0, errored: 0, expired: 0, canceled: 0, missing: 0 };
  const strange = { unreadable: 0, unknown: 0, repeated: 0 };
  let lines = 0;
  let bytes = 0;
  let fenced = 0;
  const unchecked: Unchecked = { count: 0, sample_ordinals: [], why: '' };
  let uncounted = 0;
  const { mark } = expected;
  let isMarked = mark === null ? null : false;
  const unmarked = mark === null ? null : ownId(mark);
  let isOfAnother = false;

  /** What a line's answer is held against, read before it is judged. */
  async function groundOf(line: Line): Promise<Ground | undefined> {
    const id = dialect.results.count(line.bytes)?.request_id;
    const position = id === undefined ? undefined : expected.position(id);
    const form = position === undefined ? undefined : expected.form(position);
    return position === undefined || form === undefined
      ? undefined
      : check?.groundOf(form, expected.ordinal(position));
  }

  function take(line: Line, ground?: Ground): void {
    bytes = line.offset + line.bytes.length + (line.complete ? 1 : 0);
    if (isBlank(line.bytes)) return;
    lines += 1;
    const result = dialect.results.count(line.bytes);
    if (result?.request_id === mark || (result === null && mark !== null && line.bytes.includes(mark)))
      isMarked = true;
    if (result === null) strange.unreadable += 1;
    else note(result, line, ground);
  }

  /** The same result, or what it is once its answer was read, and what is to be said of that. */
  function judged(result: CountedResult, position: number, line: Line, ground?: Ground) {
    const form = check && result.outcome === 'succeeded' ? expected.form(position) : undefined;
    if (check === undefined || form === undefined) return { result };
    const { answer } = readSavedLine(dialect, line.bytes.toString('utf8'), result.request_id);
    if (answer === null) return { result };
    const verdict = check.judge(form, answer, ground);
    if (verdict.error === null) return { result, verdict };
    return { result: { ...result, outcome: 'incomplete' as const, error: verdict.error }, verdict };
  }

  function noteUnchecked(why: string, ordinal: number): void {
    if (unchecked.count === 0) unchecked.why = why;
    unchecked.count += 1;
    if (unchecked.sample_ordinals.length < UNCHECKED_SAMPLES) unchecked.sample_ordinals.push(ordinal);
  }

  function note(counted: CountedResult, line: Line, ground?: Ground): void {
    const position = expected.position(counted.request_id);
    if (position === undefined) {
      const { request_id: id } = counted;
      strange.unknown += 1;
      isOfAnother ||= unmarked !== null && (id === unmarked || ownId(id) !== id);
      return;
    }
    const isRepeated = seen[position] !== NOT_SEEN;
    if (isRepeated) strange.repeated += 1;
    if (isRepeated && !isBetter(counted, position)) return;
    const { result, verdict } = judged(counted, position, line, ground);
    if (isRepeated && !isBetter(result, position)) return;
    if (isRepeated) takeBack(position);
    keep(result, position, line);
    if (verdict?.fenced) fenced += 1;
    if (verdict?.unchecked !== undefined) noteUnchecked(verdict.unchecked, expected.ordinal(position));
  }

  function isBetter(result: CountedResult, position: number): boolean {
    const declined = failureOf(result)?.type === 'refusal';
    return rankOf({ outcome: result.outcome, declined }) > rankOf(builder.outcome(position));
  }

  /** What an earlier line said of a request to which a better one came. */
  function takeBack(position: number): void {
    outcomes[builder.outcome(position).outcome] -= 1;
    const group = groups[position];
    if (group !== undefined) failures.remove(group, expected.ordinal(position));
    groups[position] = undefined;
  }

  function keep(result: CountedResult, position: number, line: Line): void {
    const ordinal = expected.ordinal(position);
    const { outcome } = result;
    outcomes[outcome] += 1;
    const error = failureOf(result);
    const declined = error?.type === 'refusal';
    builder.add(position, { ordinal, outcome, declined, offset: line.offset, length: line.bytes.length });
    if (error !== null) groups[position] = failures.add(error.type, error.message, ordinal);
    // A request is billed once, however many lines it has.
    const isBilled = seen[position] === BILLED;
    if (!isBilled) seen[position] = result.usage === null ? SEEN : BILLED;
    if (result.usage === null || isBilled) return;
    if (!result.usage.is_whole) uncounted += 1;
    usage.add(result.usage, expected.kind(position));
  }

  // A function for each line: were all of it in the loop, it would be optimized again for each rare turn that it takes.
  let delays = 0;
  const sum = { crc: 0 };
  for await (const group of splitLines(summed(chunks, sum))) {
    for (const given of group) {
      const line = withoutMark(given);
      if (check?.isGrounded) take(line, await groundOf(line));
      else take(line);
      if (check === undefined || check.delays === delays) continue;
      delays = check.delays;
      await breathe();
    }
    onLine(lines);
  }
  for (
    let position = seen.indexOf(NOT_SEEN);
    position !== -1;
    position = seen.indexOf(NOT_SEEN, position + 1)
  ) {
    outcomes.missing += 1;
    failures.add(missingError.type, missingError.message, expected.ordinal(position));
  }
  return {
    index: builder.finish(bytes),
    crc: sum.crc,
    lines,
    strange,
    isMarked,
    isOfAnother,
    outcomes,
    usage: usage.finish(),
    failures: failures.finish(),
    fenced,
    unchecked,
    uncounted,
  };
}

async function* summed(chunks: AsyncIterable<Uint8Array>, sum: { crc: number }): Pieces {
  for await (const chunk of chunks) {
    sum.crc = crc32(chunk, sum.crc);
    yield chunk;
  }
}

/** Scans a part's results as they come, against the tasks that it was sent with. */
export async function scanPart(
  context: Pick<Context, 'store' | 'catalog'>,
  record: BatchRecord,
  part: CreatedPart,
  chunks: Pieces,
  onLine?: (lines: number) => void,
): Promise<Scan & { index: ResultsIndex }> {
  const blobs = context.store.blobs(record.batch_id);
  const expected = await expectedTasks(blobs, record, part);
  const check = expected.hasForms ? await loadAnswerCheck(blobs, record) : undefined;
  const reading = { dialect: dialectOf(record.provider), catalog: context.catalog, check };
  return scanResults(chunks, expected, reading, onLine);
}
