import { actualOfPart } from '../../cost/cost.ts';
import type { Costs } from '../../cost/cost-sheet.ts';
import { roundUsd } from '../../cost/pricing.ts';
import type { KnownOutput } from '../../cost/tally.ts';
import type { Dialect } from '../../provider/dialect.ts';
import { dialectOf } from '../../provider/dialects.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import type { Context } from '../../state/context.ts';
import type { CreatedPart, Part } from '../../store/record.ts';
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
import { answeredPart, CHUNK, ordinalsOf, type WrittenWork, withoutUsage } from './answered-part.ts';
import type { Pilot } from './pilot.ts';

/** The same work, with a pilot's answers reused. */
export type TakenOver = {
  /** Parts with the pilot's answers count as ended; the others hold the rest. */
  parts: Part[];
  /** The costs of the rest alone. */
  costs: Costs;
  rest: number;
  reused: { count: number; usd: number | null; batch_id: string };
};

type Preparation = {
  catalog: ModelCatalog;
  knownOutput: KnownOutput;
  today: string;
  work: Pick<Work, 'defaults'>;
};

/**
 * Moves a pilot's finished answers into work on disk, so that only the rest is sent. Null if it has none of them.
 */
export async function takeOver(
  context: Context,
  work: WrittenWork,
  pilot: Pilot,
  preparation: Preparation,
): Promise<TakenOver | null> {
  const tasks = await openTasks(work.blobs, work.request_count);
  const taken = await answeredBy(pilot, work, tasks);
  if (taken.size === 0) return null;

  const isTouched = (part: Part) => ordinalsOf(part).some((ordinal) => taken.has(ordinal));
  const touched = work.parts.filter(isTouched);
  const { parts: rest, costs } = await writeRest(context, work, tasks, { taken, touched }, preparation);
  const reused: CreatedPart[] = [];
  for (const part of touched) reused.push(await answeredPart(context, work, tasks, part, { pilot, taken }));
  return {
    parts: [...reused.map(withoutUsage), ...work.parts.filter((part) => !touched.includes(part)), ...rest],
    costs,
    rest: work.request_count - taken.size,
    reused: { count: taken.size, usd: costOf(reused), batch_id: pilot.record.batch_id },
  };
}

/** The ordinals of the tasks that a pilot has answered, with those of the pilot's own tasks. */
async function answeredBy(pilot: Pilot, work: WrittenWork, tasks: Tasks): Promise<Map<number, number>> {
  const taken = new Map<number, number>();
  for await (const { ordinal, entry, request } of requestsOf(work, tasks, dialectOf(work.provider))) {
    const answered = pilot.find(entry, request);
    if (answered !== undefined) taken.set(ordinal, answered);
  }
  return taken;
}

/** Writes what is left of the touched parts into new ones, and counts the costs of everything that is left. */
async function writeRest(
  context: Context,
  work: WrittenWork,
  tasks: Tasks,
  { taken, touched }: { taken: ReadonlyMap<number, number>; touched: readonly Part[] },
  { catalog, knownOutput, today, work: asked }: Preparation,
): Promise<{ parts: Part[]; costs: Costs }> {
  const { blobs, request_count, parts } = work;
  const dialect = dialectOf(work.provider);
  const { primer: primed } = asked.defaults;
  const alone = primed && touched.includes(parts.reduce((a, b) => (a.number < b.number ? a : b)));
  const next = parts.length + 1;
  const writer = createListedPartsWriter(blobs, context.limits, dialect, { next, attempt: 1, alone });
  const problems = createProblemList();
  const surroundings = { partBytes: context.limits.partBytes, dialect, catalog, today };
  const requests = createChangedRequests({ ...context, catalog }, {}, dialect);
  const examiner = createSentExaminer(surroundings, requests, {});

  async function* leftOf(part: Part): AsyncGenerator<SentItem> {
    for await (const { ordinal, entry, request } of requestsOf({ ...work, parts: [part] }, tasks, dialect)) {
      if (taken.has(ordinal)) continue;
      yield { selected: { ordinal, cause: 'expired' }, entry, source: { sent: request } };
    }
  }
  async function* left(): AsyncGenerator<SentBlock & { part: Part }> {
    for (const part of parts) {
      // Each part is examined by itself, so that no block spans an untouched part and a rewritten one.
      for await (const block of examineSent(leftOf(part), examiner)) yield { ...block, part };
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
  return { parts: await writer.finish(), costs };
}

/** What these answers cost when they were made; null if a price is not known. */
function costOf(reused: readonly CreatedPart[]): number | null {
  const prices = reused.map(({ progress }) => progress.results && actualOfPart(progress.results));
  if (!prices.every((price) => price !== null)) return null;
  return roundUsd(prices.reduce((sum: number, price) => sum + (price ?? 0), 0));
}

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
