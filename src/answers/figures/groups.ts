import { roundUsd } from '../../cost/pricing.ts';
import { createUsageTally } from '../../cost/usage.ts';
import { cellText } from '../../lib/cell-text.ts';
import type { Dialect } from '../../provider/dialect.ts';
import type { ModelCatalog } from '../../provider/models.ts';
import { namedValue } from '../page/named-value.ts';
import { type Filters, select } from '../page/select.ts';
import { chunked } from '../view/passes.ts';
import type { View } from '../view/view.ts';

/** Answers that have the same value. */
export type AnswerGroup = {
  /** Null for answers without such a value. */
  value: string | null;
  count: number;
  /** How many of them are finished, if not all are. */
  succeeded?: number;
  /** What these answers cost at batch price; null if a model has no known price. */
  usd: number | null;
  /** How many of the answers that were compared with their rows match them. */
  expected?: { of: number; matches: number; share: number };
};

type AnswerGroups = { groups: AnswerGroup[]; group_count: number };

const GROUPS_SHOWN = 50;
const LONGEST_VALUE = 100;
/** Values beyond this many are counted together, as they form no groups. */
const MOST_VALUES = 10_000;
const OTHERS = '(other values)';

type Counted = {
  count: number;
  succeeded: number;
  of: number;
  matches: number;
  tally: ReturnType<typeof createUsageTally>;
};

/** Counts answers by the value that `name` gives for each, the most frequent first. Keeps no answer. */
export async function groupAnswers(
  view: View,
  name: string,
  filters: Filters,
  { dialect, catalog }: { dialect: Dialect; catalog: ModelCatalog },
): Promise<AnswerGroups> {
  const groups = new Map<string | null, Counted>();
  const groupOf = (value: string | null): Counted => {
    const key = groups.has(value) || groups.size < MOST_VALUES ? value : OTHERS;
    const group = groups.get(key) ?? {
      count: 0,
      succeeded: 0,
      of: 0,
      matches: 0,
      tally: createUsageTally(catalog),
    };
    groups.set(key, group);
    return group;
  };
  for (const ordinals of chunked(await select(view, filters))) {
    const [answered, lines] = await Promise.all([view.answeredRows(ordinals), view.lines(ordinals)]);
    for (const [position, each] of answered.entries()) {
      const { outcome, expected } = each.answer;
      const group = groupOf(groupValue(namedValue(each, name)));
      group.count += 1;
      if (outcome === 'succeeded') group.succeeded += 1;
      if (expected !== undefined) group.of += 1;
      if (expected === true) group.matches += 1;
      const line = lines[position] ?? null;
      const usage = line === null ? null : (dialect.results.count(line)?.usage ?? null);
      if (usage !== null) group.tally.add(usage, { model: usage.model, task_type: null, effort: null });
    }
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.count - a.count);
  return { groups: sorted.slice(0, GROUPS_SHOWN).map(toGroup), group_count: groups.size };
}

function groupValue(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const text = cellText(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE).toWellFormed()}…` : text;
}

function toGroup([value, { count, succeeded, of, matches, tally }]: [string | null, Counted]): AnswerGroup {
  const costs = tally.finish().map(({ cost_usd }) => cost_usd);
  const usd = costs.reduce<number | null>(
    (sum, cost) => (sum === null || cost === null ? null : sum + cost),
    0,
  );
  return {
    value,
    count,
    ...(succeeded < count && { succeeded }),
    usd: usd === null ? null : roundUsd(usd),
    ...(of > 0 && { expected: { of, matches, share: Math.round((matches / of) * 10_000) / 10_000 } }),
  };
}
