import type { View } from '../../answers/view/view.ts';
import { roundUsd } from '../../cost/pricing.ts';
import type { Context } from '../../state/context.ts';
import type { BatchRecord, Part } from '../../store/record.ts';
import { costToCome, openStageRequests } from '../waiting/stage-requests.ts';
import type { Selected } from './retry-selection.ts';

/** A stage of a merge to be made again from answers that are still to come: `request_count` tasks of it at most. */
export type StageAgain = {
  first_task: number;
  request_count: number;
  expected_usd: number;
  maximum_usd: number;
};

type Stage = { first: number; end: number };

function stagesOf({ merge }: BatchRecord): Stage[] {
  let end = 0;
  return (merge?.stages ?? []).map((count) => {
    const first = end;
    end += count;
    return { first, end };
  });
}

/**
 * The tasks of a merge that are sent again unchanged: those of one stage. The stages above work on their answers, and
 * are made anew from these.
 */
export function ofLowestStage(record: BatchRecord, selected: readonly Selected[]): Selected[] {
  const [first] = selected;
  const stage = stagesOf(record).find(({ end }) => first !== undefined && first.ordinal < end);
  return selected.filter(({ ordinal }) => stage === undefined || ordinal < stage.end);
}

/**
 * The stages to make again once the selected tasks have answers; with none selected, those of a merge that has
 * stopped. None for other work, nor for stages that already wait.
 */
export async function stagesAgain(
  context: Context,
  record: BatchRecord,
  view: View,
  selected: readonly Selected[],
): Promise<StageAgain[]> {
  const stages = stagesOf(record);
  if (stages.length === 0) return [];
  const requests = await openStageRequests(context, record);
  const waiting = new Set(
    record.parts.filter(({ progress }) => progress.state === 'waiting').map(({ first_task }) => first_task),
  );
  /** Tasks that will get a new answer. */
  const changed = new Set(selected.map(({ ordinal }) => ordinal));
  const isChanged = ({ first, end }: Stage) => {
    for (let ordinal = first; ordinal < end; ordinal += 1) if (changed.has(ordinal)) return true;
    return false;
  };
  const again: StageAgain[] = [];
  const cost = await costToCome(record, requests);
  for (const [index, stage] of stages.entries()) {
    const below = stages[index - 1];
    if (below === undefined) continue;
    const isMoved = isChanged(below);
    // Tasks of it that are sent again unchanged are in no waiting part.
    const isSent = isChanged(stage) && !isMoved;
    let request_count = 0;
    for (let ordinal = stage.first; ordinal < stage.end; ordinal += 1) {
      const from = below.first + (ordinal - stage.first) * requests.size;
      const items = Array.from({ length: Math.min(requests.size, below.end - from) }, (_, at) => from + at);
      const isAsked = items.some((item) => changed.has(item));
      const hasItems = isAsked || items.some((item) => view.outcome(item) === 'succeeded');
      const isOpen = view.outcome(ordinal) !== 'succeeded' && hasItems;
      const isAgain = isAsked || (isOpen && (isMoved || view.partOf(ordinal) === undefined));
      if (!isAgain) continue;
      changed.add(ordinal);
      request_count += 1;
    }
    if (request_count === 0 || isSent || waiting.has(stage.first)) continue;
    const times = (usd: number) => roundUsd(usd * request_count);
    again.push({
      first_task: stage.first,
      request_count,
      expected_usd: times(cost.expected_usd),
      maximum_usd: times(cost.maximum_usd),
    });
  }
  return again;
}

/** The parts of these stages, which wait for the stage below. */
export function stageParts(
  again: readonly StageAgain[],
  { number, attempt, byItself }: { number: number; attempt: number; byItself: boolean },
): Part[] {
  return again.map((stage, index) => ({
    ...stage,
    number: number + index,
    attempt,
    tasks: 'listed',
    body_bytes: 0,
    body_sha256: '',
    ...(byItself && { by_itself: true as const }),
    progress: { state: 'waiting', by: null },
  }));
}
