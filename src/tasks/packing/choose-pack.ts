import { pricesFor } from '../../cost/pricing.ts';
import type { CostGroup } from '../../cost/tally.ts';
import { expectedThinking } from '../../cost/thinking.ts';
import type { Examination } from '../examine/examine-task.ts';
import { examineWork, type Surroundings } from '../examine/examine-work.ts';
import type { Work } from '../work.ts';

/** In the experience of those who pack by hand, too many answers are left out with more rows than this. */
const MOST_CHOSEN = 50;
/** This many tasks say enough about the others. */
const SAMPLE = 100;
const BYTES_PER_TOKEN = 4;
/** What a pack says beside what its tasks would say by themselves, and what it says of each of them, in bytes. */
const PACK_BYTES = 900;
const ROW_BYTES = 45;
/** More rows in a request would save little more, and lose answers more often. */
const SHARE_OF_SAVING = 0.95;
/** A smaller saving is not worth the risk. */
const WORTH = 0.05;

/**
 * How many tasks should share a request: as many as bring nearly all of the possible saving, judging by the sizes of
 * a sample; 1 where there is next to none. Always the same for the same work, whatever was answered before.
 */
export async function choosePack(
  work: Work,
  examination: Examination,
  surroundings: Omit<Surroundings, 'begin'>,
): Promise<number> {
  const max_tasks = Math.min(work.max_tasks ?? SAMPLE, SAMPLE);
  const sample = { ...work, max_tasks };
  const found = { packed: 0, alone: 0, tasks: 0, requests: 0 };
  let group: CostGroup | undefined;
  const blocks = examineWork(
    sample,
    { ...examination, pack: MOST_CHOSEN },
    { ...surroundings, begin: () => {} },
  );
  for await (const { costs, packed, requests } of blocks) {
    if (packed === undefined) continue;
    group ??= costs.groups[0];
    found.packed += sum(costs.groups.flatMap(({ bytes }) => bytes));
    found.alone += sum(packed.alone.flatMap(({ bytes }) => bytes));
    found.tasks += packed.request.length;
    found.requests += requests.lengths.length;
  }
  const packs = found.requests;
  if (group === undefined || found.tasks <= packs) return 1;
  // n separate tasks read their shared content n times, one request reads it once.
  const read = found.alone - found.packed + packs * PACK_BYTES + found.tasks * ROW_BYTES;
  const shared = read / (found.tasks - packs);
  const own = found.alone / found.tasks - shared;
  const most = shared - ROW_BYTES;
  if (most <= 0) return 1;
  const rows = Math.ceil((shared + PACK_BYTES) / ((1 - SHARE_OF_SAVING) * most));
  const size = Math.min(rows, MOST_CHOSEN, Math.floor(found.tasks / packs) || 1);
  const saved = shared - (shared + PACK_BYTES) / size - ROW_BYTES;
  return size > 1 && saved >= WORTH * (shared + own + outputOf(group)) ? size : 1;
}

/** The cost of an answer, in bytes of a prompt. */
function outputOf(group: CostGroup): number {
  const { model, expected, tasks } = group;
  const prices = pricesFor(model, 0);
  const tokens = sum(expected) / sum(tasks) + expectedThinking(model, group);
  return ((tokens * prices.output) / prices.input / model.token_factor) * BYTES_PER_TOKEN;
}

const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);
