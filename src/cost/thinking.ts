import { count } from '../lib/numbers.ts';
import type { Effort, Model } from '../provider/models.ts';
import { formatUsd } from './cost.ts';

/** What a request says about thinking. */
export type ThinkingAsked = {
  /** Null where the model decides. */
  effort: Effort | null;
  /** Null where the model decides whether to think. */
  thinks: boolean | null;
};

/**
 * The thinking tokens expected of an answer where no earlier answers show: our own figures. Short judgements have
 * been seen to take from some hundred to some thousand.
 */
const EXPECTED: Readonly<Record<Effort, number>> = {
  low: 300,
  medium: 1_500,
  high: 3_000,
  xhigh: 6_000,
  max: 12_000,
};

/**
 * The room that `max_tokens` leaves for thinking, which counts towards it: several times as much, since a cut-off
 * answer is paid for nothing.
 */
const ROOM: Readonly<Record<Effort, number>> = {
  low: 2_048,
  medium: 6_144,
  high: 8_192,
  xhigh: 20_480,
  max: 40_960,
};

/** The effort at which a model thinks; null where it does not. */
function thinkingEffort({ usual_effort }: Model, { effort, thinks }: ThinkingAsked): Effort | null {
  if (thinks === false) return null;
  if (usual_effort === null) return thinks ? (effort ?? 'medium') : null;
  return effort ?? usual_effort;
}

export function expectedThinking(model: Model, asked: ThinkingAsked): number {
  const effort = thinkingEffort(model, asked);
  return effort === null ? 0 : EXPECTED[effort];
}

export function roomForThinking(model: Model, effort: Effort | null): number {
  const made = thinkingEffort(model, { effort, thinks: null });
  return made === null ? 0 : ROOM[made];
}

/** The thinking of all requests, in tokens and in dollars at batch price. */
export type ExpectedThinking = { tokens: number; usd: number; saved_usd: number };

type ThinkingGroup = ThinkingAsked & { model: Model; tasks: readonly number[] };

export function addUpThinking(groups: readonly ThinkingGroup[]): ExpectedThinking {
  const sum = { tokens: 0, usd: 0, saved_usd: 0 };
  for (const { model, effort, thinks, tasks } of groups) {
    const answers = tasks.reduce((total, each) => total + each, 0);
    const tokens = expectedThinking(model, { effort, thinks }) * answers;
    const usd = (tokens * model.prices.output * model.batch_factor) / 1_000_000;
    const takesLow = model.efforts?.includes('low') ?? false;
    const low = expectedThinking(model, { effort: 'low', thinks }) * answers;
    sum.tokens += tokens;
    sum.usd += usd;
    if (takesLow && low < tokens) sum.saved_usd += usd * (1 - low / tokens);
  }
  return sum;
}

/** A smaller saving is not worth mentioning. */
const SHARE_WORTH = 0.1;

/** Says how much of the `expected` dollars less effort would save. */
export function effortAdvice({ tokens, usd, saved_usd }: ExpectedThinking, expected: number): string[] {
  if (expected === 0 || saved_usd < SHARE_WORTH * expected) return [];
  const share = Math.min(99, Math.round((100 * usd) / expected));
  return [
    `Some ${share} % of the expected cost is thinking (${count(tokens)} tokens, by a figure of ours until there are answers of this ` +
      `task type): effort low would save about ${formatUsd(saved_usd)}, where the tasks need no more.`,
  ];
}
