import { counted } from '../lib/numbers.ts';
import type { BatchRecord } from '../store/record.ts';
import type { Usage } from '../store/saved-results.ts';
import { roundUsd } from './pricing.ts';
import { addUsage } from './usage.ts';

/** What a group of answers took; kinds of tokens that none of them used are left out. */
export type Spent = {
  requests: number;
  input_tokens: number;
  output_tokens: number;
  /** The part of the output tokens that was thinking. */
  thinking_tokens?: number;
  cache_read_tokens?: number;
  cache_write_5m_tokens?: number;
  cache_write_1h_tokens?: number;
  web_searches?: number;
  /** Dollars at batch price; null where a model has no known price. */
  usd: number | null;
};

/**
 * What the saved answers of a batch actually cost, itemized. Task types and attempts only where there are several.
 */
export type Spending = {
  by_model: ({ model: string } & Spent)[];
  by_task_type?: ({ task_type: string | null } & Spent)[];
  by_attempt?: ({ attempt: number } & Spent)[];
};

/** A reply has room for a few groups; the rest is in the usage of each answer. */
const GROUPS_SHOWN = 8;

type AttemptUsage = Usage & { attempt: number };

/** The usage of all saved answers. */
function usagesOf({ parts }: BatchRecord): AttemptUsage[] {
  return parts.flatMap(({ attempt, progress }) =>
    progress.state === 'created'
      ? (progress.results?.usage ?? []).map((usage) => ({ ...usage, attempt }))
      : [],
  );
}

/** Null while no answers are saved. */
export function spendingOf(record: BatchRecord): Spending | null {
  const all = usagesOf(record);
  if (all.length === 0) return null;
  const types = groups(all, ({ task_type }) => task_type);
  const attempts = groups(all, ({ attempt }) => attempt);
  return {
    by_model: groups(all, ({ model }) => model).map(([model, spent]) => ({ model, ...spent })),
    ...(types.length > 1 && { by_task_type: types.map(([task_type, spent]) => ({ task_type, ...spent })) }),
    ...(attempts.length > 1 && { by_attempt: attempts.map(([attempt, spent]) => ({ attempt, ...spent })) }),
  };
}

/** The sums by key, the costliest first. */
function groups<Key>(all: readonly AttemptUsage[], keyOf: (usage: AttemptUsage) => Key): [Key, Spent][] {
  const sums = new Map<Key, Usage>();
  for (const usage of all) {
    const sum = sums.get(keyOf(usage));
    sums.set(keyOf(usage), sum ? addUsage(sum, usage) : usage);
  }
  return [...sums]
    .toSorted(([, a], [, b]) => (b.cost_usd ?? 0) - (a.cost_usd ?? 0))
    .slice(0, GROUPS_SHOWN)
    .map(([key, usage]) => [key, spentOf(usage)]);
}

function spentOf(usage: Usage): Spent {
  const { requests, input_tokens, output_tokens, thinking_tokens, cost_usd } = usage;
  const { cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, web_searches } = usage;
  return {
    requests,
    input_tokens,
    output_tokens,
    ...(thinking_tokens > 0 && { thinking_tokens }),
    ...(cache_read_tokens > 0 && { cache_read_tokens }),
    ...(cache_write_5m_tokens > 0 && { cache_write_5m_tokens }),
    ...(cache_write_1h_tokens > 0 && { cache_write_1h_tokens }),
    ...(web_searches > 0 && { web_searches }),
    usd: cost_usd === null ? null : roundUsd(cost_usd),
  };
}

/** A smaller share is no surprise. */
const SHARE_TOLD = 0.25;

/** Says how much of the output was thinking, where it was a lot, and how to lower it. */
export function thinkingNote(record: BatchRecord): string[] {
  const usages = usagesOf(record);
  const thinking = sumOf(usages, ({ thinking_tokens }) => thinking_tokens);
  const output = sumOf(usages, ({ output_tokens }) => output_tokens);
  if (output === 0 || thinking < SHARE_TOLD * output) return [];
  const isLow = usages.every(({ effort, thinking_tokens }) => effort === 'low' || thinking_tokens === 0);
  const advice = isLow ? ', at effort low, where there is least of it' : '; it is least at effort low';
  const share = Math.round((100 * thinking) / output);
  return [`${share} % of the output was thinking, which is paid as output${advice}.`];
}

/** Says why the actual cost may be too high: the API reports tokens of refusals that it does not bill. */
export function refusalNote({ parts, provider }: BatchRecord): string[] {
  const failures = parts.flatMap(({ progress }) =>
    progress.state === 'created' ? (progress.results?.failures ?? []) : [],
  );
  const refused = failures.reduce((sum, { type, count }) => (type === 'refusal' ? sum + count : sum), 0);
  if (refused === 0 || provider === 'sandbox') return [];
  return [
    `The actual cost counts the tokens of ${counted(refused, 'refusal')}: one that came before any output is not billed, so the bill can be lower.`,
  ];
}

const sumOf = (usages: readonly Usage[], of: (usage: Usage) => number): number =>
  usages.reduce((sum, usage) => sum + of(usage), 0);
