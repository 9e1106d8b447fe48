import { loadAnswerCheck } from '../../answers/check-answer.ts';
import { expectedTasks } from '../../answers/download/expected-tasks.ts';
import { scannedResults } from '../../answers/download/receive.ts';
import { scanResults } from '../../answers/download/scan-results.ts';
import { actualOfPart } from '../../cost/cost.ts';
import type { Costs } from '../../cost/cost-sheet.ts';
import { roundUsd } from '../../cost/pricing.ts';
import type { KnownOutput } from '../../cost/tally.ts';
import { BatchError } from '../../errors.ts';
import { underOwnId } from '../../lib/mark.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import type { ProviderName } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { isCreated, marksOf } from '../../state/parts.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import { partResults } from '../../store/names.ts';
import { openPartTasksWriter, partTaskOf } from '../../store/part-tasks.ts';
import type { CreatedPart, Part } from '../../store/record.ts';
import { writeResultsIndex } from '../../store/results-index.ts';
import type { Blobs } from '../../store/store.ts';
import type { TaskEntry } from '../../store/task-entry.ts';
import { openTasks, type Tasks } from '../../store/task-list.ts';
import { gather } from '../../tasks/gather.ts';
import { createProblemList } from '../../tasks/problem-list.ts';
import { createChangedRequests } from '../../tasks/sources/sent/change-sent.ts';
import {
  createSentExaminer,
  examineSent,
  type SentBlock,
  type SentItem,
} from '../../tasks/sources/sent/examine-sent.ts';
import { openSentRequests, type SentRequest } from '../../tasks/sources/sent/sent-requests.ts';
import type { Work } from '../../tasks/work.ts';
import { createListedPartsWriter } from '../../tasks/write/write-listed-parts.ts';
import type { Pilot } from './pilot.ts';

/** Work that is written to be sent in full. */
export type WrittenWork = { blobs: Blobs; provider: ProviderName; request_count: number; parts: Part[] };

/** The same work, with a pilot's answers reused. */
export type TakenOver = {
  /** Parts with the pilot's answers count as ended; the others hold the rest. */
  parts: Part[];
  /** The costs of the rest alone. */
  costs: Costs;
  rest: number;
  reused: { count: number; usd: number | null; batch_id: string };
};

const CHUNK = 100;

/**
 * Moves a pilot's finished answers into work on disk, so that only the rest is sent. Null where it has none of them.
 */
export async function takeOver(
  context: Context,
  work: WrittenWork,
  pilot: Pilot,
  {
    catalog,
    knownOutput,
    today,
    work: asked,
  }: { catalog: ModelCatalog; knownOutput: KnownOutput; today: string; work: Pick<Work, 'defaults'> },
): Promise<TakenOver | null> {
  const { blobs, provider, request_count, parts } = work;
  const dialect = dialectOf(provider);
  const tasks = await openTasks(blobs, request_count);
  const taken = new Map<number, number>();
  for await (const { ordinal, entry, request } of requestsOf(work, tasks, dialect)) {
    const answered = pilot.find(entry, request);
    if (answered !== undefined) taken.set(ordinal, answered);
  }
  if (taken.size === 0) return null;

  const isTouched = (part: Part) => ordinalsOf(part).some((ordinal) => taken.has(ordinal));
  const next = parts.length + 1;
  const touched = parts.filter(isTouched);
  const { primer: primed } = asked.defaults;
  const alone = primed && touched.includes(parts.reduce((a, b) => (a.number < b.number ? a : b)));
  const writer = createListedPartsWriter(blobs, context.limits, dialect, { next, attempt: 1, alone });
  const problems = createProblemList();
  const surroundings = { partBytes: context.limits.partBytes, dialect, catalog, today };
  const requests = createChangedRequests({ ...context, catalog }, {}, dialect);
  const examiner = createSentExaminer(surroundings, requests, {});

  async function* left(): AsyncGenerator<SentBlock & { part: Part }> {
    for (const part of parts) {
      const rest = async function* (): AsyncGenerator<SentItem> {
        for await (const { ordinal, entry, request } of requestsOf(
          { ...work, parts: [part] },
          tasks,
          dialect,
        )) {
          if (!taken.has(ordinal))
            yield { selected: { ordinal, cause: 'expired' }, entry, source: { sent: request } };
        }
      };
      // Each part is examined by itself, so that no block spans an untouched part and a rewritten one.
      for await (const block of examineSent(rest(), examiner)) yield { ...block, part };
    }
  }
  const sink = {
    add: ({ part, ...block }: SentBlock & { part: Part }) =>
      touched.includes(part) ? writer.add(block) : undefined,
  };
  const { costs } = await gather(left(), sink, {
    dialect,
    catalog,
    places: 'item',
    problems,
    knownOutput,
    primed,
    total: request_count - taken.size,
    report: () => {},
  });
  problems.throwIfAny('What is left of the work was refused when it was read again; nothing was sent.');
  const rest = await writer.finish();
  const reused: CreatedPart[] = [];
  for (const part of touched) reused.push(await answeredPart(context, work, tasks, part, { pilot, taken }));
  const prices = reused.map(({ progress }) => progress.results && actualOfPart(progress.results));
  const usd = prices.every((price) => price !== null)
    ? roundUsd(prices.reduce((sum: number, price) => sum + (price ?? 0), 0))
    : null;
  return {
    parts: [...reused.map(withoutUsage), ...parts.filter((part) => !touched.includes(part)), ...rest],
    costs,
    rest: request_count - taken.size,
    reused: { count: taken.size, usd, batch_id: pilot.record.batch_id },
  };
}

const ordinalsOf = ({ first_task, request_count }: Part) =>
  Array.from({ length: request_count }, (_, index) => first_task + index);

type WrittenRequest = { ordinal: number; part: Part; entry: TaskEntry; request: SentRequest };

async function* requestsOf(
  work: WrittenWork,
  tasks: Tasks,
  dialect: Dialect,
): AsyncGenerator<WrittenRequest> {
  const sent = await openSentRequests(work.blobs, work, dialect);
  for (const part of work.parts) {
    const all = ordinalsOf(part);
    for (let start = 0; start < all.length; start += CHUNK) {
      const ordinals = all.slice(start, start + CHUNK);
      const entries = await tasks.read(ordinals);
      let index = 0;
      for await (const request of sent(ordinals)) {
        const [ordinal, entry] = [ordinals[index], entries[index]];
        index += 1;
        if (ordinal !== undefined && entry !== undefined) yield { ordinal, part, entry, request };
      }
    }
  }
}

/**
 * A part that holds only the pilot's answers, as the API's own lines under the tasks' own ids: its list names the
 * tasks as the pilot called them, and its body is kept for a retry to find their requests.
 */
async function answeredPart(
  context: Context,
  { blobs, provider, request_count, parts }: WrittenWork,
  tasks: Tasks,
  part: Part,
  { pilot, taken }: { pilot: Pilot; taken: ReadonlyMap<number, number> },
): Promise<CreatedPart> {
  const ordinals = ordinalsOf(part).filter((ordinal) => taken.has(ordinal));
  const list = openPartTasksWriter(blobs, part.number);
  const results = openBlobWriter(blobs, partResults(part.number));
  const pilotTasks = await openTasks(context.store.blobs(pilot.record.batch_id), pilot.record.request_count);
  for (let start = 0; start < ordinals.length; start += CHUNK) {
    const chunk = ordinals.slice(start, start + CHUNK);
    const theirs = chunk.map((ordinal) => taken.get(ordinal) ?? 0);
    const [entries, theirEntries, lines] = await Promise.all([
      tasks.read(chunk),
      pilotTasks.read(theirs),
      pilot.view.lines(theirs),
    ]);
    for (const [index, ordinal] of chunk.entries()) {
      const [entry, other, span] = [entries[index], theirEntries[index], tasks.request(ordinal)];
      if (entry === undefined || other === undefined || span === null) continue;
      const own = other.custom_id ?? other.task_id;
      // The reused lines have one task each, whatever the request they came from.
      const { pack: _shared, ...kept } = entry;
      await list.add({ ordinal, ...partTaskOf({ ...kept, custom_id: own }), ...span });
      await results.write(
        `${underOwnId(lines[index]?.toString('utf8') ?? '', own, marksOf(pilot.record))}\n`,
      );
    }
  }
  await Promise.all([list.close(), results.finish()]);
  const [first = part.first_task] = ordinals;
  const answered = createdPart(part, ordinals.length, first, pilot);
  const expected = await expectedTasks(blobs, { request_count }, answered);
  const check = expected.hasForms
    ? await loadAnswerCheck(blobs, {
        parts: parts.filter(({ tasks }) => tasks !== 'listed'),
        request_count,
        provider,
      })
    : undefined;
  const reading = { dialect: dialectOf(provider), catalog: context.catalog, check };
  const scanned = scannedResults(
    await scanResults(blobs.read(partResults(part.number)), expected, reading),
    answered,
  );
  await writeResultsIndex(blobs, part.number, scanned.index);
  const saved = { saved_at: context.now().toISOString(), ...scanned.results };
  return { ...answered, progress: { ...answered.progress, results: saved } };
}

function createdPart(
  { mark: _unsent, packs: _requests, ...part }: Part,
  count: number,
  first_task: number,
  { record }: Pilot,
): CreatedPart {
  const from = record.parts.filter(isCreated).find(({ progress }) => progress.results !== null);
  if (from === undefined)
    throw new BatchError('internal', `${record.batch_id} has answers and no part that has ended.`);
  const request_counts = { processing: 0, succeeded: count, errored: 0, canceled: 0, expired: 0 };
  return {
    ...part,
    request_count: count,
    first_task,
    tasks: 'listed',
    maximum_usd: 0,
    expected_usd: 0,
    reused_from: record.batch_id,
    progress: { ...from.progress, tentative: false, seen: { ...from.progress.seen, request_counts } },
  };
}

/** Its answers are already paid for, and are not this batch's spending. */
function withoutUsage({ progress, ...part }: CreatedPart): Part {
  return {
    ...part,
    progress: { ...progress, results: progress.results && { ...progress.results, usage: [] } },
  };
}
