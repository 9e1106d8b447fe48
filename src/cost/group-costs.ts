import * as z from 'zod';
import type { BatchRecord, Part } from '../store/record.ts';
import { estimateOfParts, knownSendsUsd } from './cost.ts';
import { roundUsd } from './pricing.ts';

/** What batches can be grouped by. */
export const groupings = ['name', 'project', 'model', 'task_type', 'day', 'month', 'user'] as const;
export type Grouping = (typeof groupings)[number];

/**
 * What a batch has cost so far and is still expected to cost: all that adding up needs. Sandbox batches cost nothing.
 */
export const batchCosts = z.object({
  project: z.string().nullable(),
  /** By model and task type; dollars are null where a model has no known price. */
  spent: z.array(
    z.object({
      model: z.string(),
      task_type: z.string().nullable(),
      requests: z.number(),
      usd: z.number().nullable(),
    }),
  ),
  /** The expected cost of the parts that run or wait; null where it is not known. */
  open_usd: z.number().nullable(),
});
export type BatchCosts = z.infer<typeof batchCosts>;

export function costsOf(record: BatchRecord): BatchCosts {
  const { project } = record;
  if (record.provider === 'sandbox') return { project, spent: [], open_usd: 0 };
  const open = record.parts.filter(
    ({ progress }) =>
      progress.state !== 'not_sent' && !(progress.state === 'created' && progress.results !== null),
  );
  const unknown = open.length > 0 && record.estimate === null;
  return {
    project,
    spent: record.parts.flatMap(linesOf),
    open_usd: unknown ? null : estimateOfParts(record, open).expected,
  };
}

/** What a part's answers cost, and what a repeated send of it cost, which brought no further answers. */
function linesOf(part: Part): Line[] {
  const { progress } = part;
  const usages = (progress.state === 'created' && progress.results?.usage) || [];
  const lines = usages.map(({ model, task_type, requests, cost_usd }) => ({
    model,
    task_type,
    requests,
    usd: cost_usd,
  }));
  const beside = knownSendsUsd(part);
  if (beside === 0) return lines;
  const { model = STILL_OPEN, task_type = null } = lines[0] ?? {};
  return [...lines, { model, task_type, requests: 0, usd: beside }];
}

type Named = string | null;

export type GroupedCosts = {
  /** The value of the grouping, null for batches or answers without one; with two groupings one value of each. */
  group: Named | Named[];
  batches: number;
  requests: number;
  actual_usd: number;
  open_expected_usd: number;
};

type Line = BatchCosts['spent'][number];

type Grouped = { name: string; user?: string; created_at: string; request_count: number };

/** Adds up what batches cost, by one or two names. Not to be used for sandbox batches. */
export function createCostGroups(by: readonly Grouping[] = []) {
  const groups = new Map<string, GroupedCosts>();
  let unknown = 0;
  const add = (names: Named[], { requests, actual, open }: Sum) => {
    const key = JSON.stringify(names);
    const [first = null] = names;
    const group = names.length > 1 ? names : first;
    const sum = groups.get(key) ?? { group, batches: 0, requests: 0, actual_usd: 0, open_expected_usd: 0 };
    groups.set(key, {
      group,
      batches: sum.batches + 1,
      requests: sum.requests + requests,
      actual_usd: roundUsd(sum.actual_usd + actual),
      open_expected_usd: roundUsd(sum.open_expected_usd + open),
    });
  };
  return {
    add(batch: Grouped, costs: BatchCosts): void {
      const open = costs.open_usd ?? 0;
      if (costs.open_usd === null || costs.spent.some(({ usd }) => usd === null)) unknown += 1;
      if (by.length === 0) return;
      const namesOf = (line: Line | null) =>
        by.map((name) => {
          if (name !== 'model' && name !== 'task_type') return keyOf(name, batch, costs);
          return line === null ? STILL_OPEN : line[name];
        });
      if (!by.includes('model') && !by.includes('task_type')) {
        add(namesOf(null), { requests: batch.request_count, actual: total(costs.spent), open });
        return;
      }
      const lines = new Map<string, { names: Named[]; spent: Line[] }>();
      for (const line of costs.spent) {
        const names = namesOf(line);
        const key = JSON.stringify(names);
        lines.set(key, { names, spent: [...(lines.get(key)?.spent ?? []), line] });
      }
      for (const { names, spent } of lines.values()) {
        const requests = spent.reduce((sum, line) => sum + line.requests, 0);
        add(names, { requests, actual: total(spent), open: 0 });
      }
      // Only its answers will show which models an open part uses.
      if (open > 0) add(namesOf(null), { requests: 0, actual: 0, open });
    },
    /** The costliest first. */
    groups: () => [...groups.values()].toSorted((a, b) => worth(b) - worth(a)),
    /** How many batches have a cost that is not known here. */
    unknown: () => unknown,
  };
}

const STILL_OPEN = '(still open)';

type Sum = { requests: number; actual: number; open: number };

const worth = (group: GroupedCosts) => group.actual_usd + group.open_expected_usd;

/** What a batch has cost so far, as far as prices are known. */
export function total(spent: BatchCosts['spent']): number {
  return roundUsd(spent.reduce((sum, { usd }) => sum + (usd ?? 0), 0));
}

function keyOf(
  by: Exclude<Grouping, 'model' | 'task_type'>,
  batch: Grouped,
  costs: BatchCosts,
): string | null {
  switch (by) {
    case 'name':
      return batch.name;
    case 'user':
      return batch.user ?? null;
    case 'project':
      return costs.project;
    case 'day':
      return batch.created_at.slice(0, 10);
    case 'month':
      return batch.created_at.slice(0, 7);
  }
}
