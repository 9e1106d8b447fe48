import { loadAnswerCheck } from '../../answers/check-answer.ts';
import { expectedTasks } from '../../answers/download/expected-tasks.ts';
import { scannedResults } from '../../answers/download/receive.ts';
import { scanResults } from '../../answers/download/scan-results.ts';
import { BatchError } from '../../errors.ts';
import { underOwnId } from '../../lib/mark.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ProviderName } from '../../provider/provider.ts';
import type { Context } from '../../state/context.ts';
import { isCreated, marksOf } from '../../state/parts.ts';
import { openBlobWriter } from '../../store/blob-writer.ts';
import { partResults } from '../../store/names.ts';
import { openPartTasksWriter, partTaskOf } from '../../store/part-tasks.ts';
import type { CreatedPart, Part } from '../../store/record.ts';
import { writeResultsIndex } from '../../store/results-index.ts';
import type { Blobs } from '../../store/store.ts';
import { openTasks, type Tasks } from '../../store/task-list.ts';
import type { Pilot } from './pilot.ts';

/** Work that is written to be sent in full. */
export type WrittenWork = { blobs: Blobs; provider: ProviderName; request_count: number; parts: Part[] };

/** How many tasks are worked on together. */
export const CHUNK = 100;

/** The ordinals of a part whose tasks are consecutive. */
export const ordinalsOf = ({ first_task, request_count }: Part) =>
  Array.from({ length: request_count }, (_, index) => first_task + index);

/**
 * A part that holds only the pilot's answers, as the API's own lines under the tasks' own ids: its list names the
 * tasks as the pilot called them, and its body is kept for a retry to find their requests.
 */
export async function answeredPart(
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
export function withoutUsage({ progress, ...part }: CreatedPart): Part {
  return {
    ...part,
    progress: { ...progress, results: progress.results && { ...progress.results, usage: [] } },
  };
}
