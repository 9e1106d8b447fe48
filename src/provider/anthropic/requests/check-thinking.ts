import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean } from '../../../lib/nearest.ts';
import { type Effort, efforts, type Model, thinkingTypes } from '../../models.ts';

const LEAST_BUDGET = 1024;
const HIGH_EFFORTS: readonly unknown[] = ['xhigh', 'max'];

const isAbsent = (value: unknown) => value === undefined || value === null;

/** What a model takes, in words. */
const typesOf = (model: Model | undefined) => (model?.thinking ?? thinkingTypes).join(', ');

/** Checks `thinking`, together with the other params that it depends on. */
export function checkThinking(
  thinking: unknown,
  { max_tokens, effort }: { max_tokens: unknown; effort: unknown },
  model: Model | undefined,
): Problem[] {
  const field = 'thinking';
  if (isAbsent(thinking)) return [];
  if (!isJsonObject(thinking) || typeof thinking.type !== 'string') {
    return [
      { field, problem: 'is not a thinking configuration', valid: 'an object, as in {"type": "adaptive"}' },
    ];
  }
  const type = thinkingTypes.find((name) => name === thinking.type);
  if (type === undefined) {
    const problem = `is not a kind of thinking${didYouMean(thinking.type, thinkingTypes)}`;
    return [{ field: `${field}.type`, problem, valid: typesOf(model) }];
  }
  if (model?.thinking?.includes(type) === false) {
    // Budgets are the old way to ask for thinking, so say what controls it now.
    if (type === 'enabled') {
      const valid =
        'leave it out, as in {"type": "adaptive"}; output_config.effort steers how much it thinks';
      return [{ field: `${field}.budget_tokens`, problem: `${model.id} takes no budget`, valid }];
    }
    const problem =
      type === 'disabled' ? `thinking can't be turned off on ${model.id}` : `${model.id} does not take it`;
    return [{ field: `${field}.type`, problem, valid: typesOf(model) }];
  }
  return [...checkFields(thinking, max_tokens), ...checkEffortBeside(thinking, effort, model)];
}

function checkFields({ type, budget_tokens: budget, ...rest }: JsonObject, maxTokens: unknown): Problem[] {
  if (type === 'enabled') {
    const fits =
      typeof budget === 'number' &&
      Number.isSafeInteger(budget) &&
      budget >= LEAST_BUDGET &&
      (typeof maxTokens !== 'number' || budget < maxTokens);
    const valid = `a whole number from ${LEAST_BUDGET}, below max_tokens`;
    return fits ? [] : [{ field: 'thinking.budget_tokens', problem: 'is missing or out of range', valid }];
  }
  if (!isAbsent(budget)) {
    const problem = `goes with {"type": "enabled"} only`;
    return [
      {
        field: 'thinking.budget_tokens',
        problem,
        valid: 'leave it out; output_config.effort steers how much it thinks',
      },
    ];
  }
  const [other] = type === 'between_tools' ? Object.keys(rest) : [];
  return other === undefined
    ? []
    : [
        {
          field: 'thinking',
          problem: 'has fields that {"type": "between_tools"} does not take',
          valid: '{"type": "between_tools"}',
        },
      ];
}

function checkEffortBeside({ type }: JsonObject, effort: unknown, model: Model | undefined): Problem[] {
  const isOff = type === 'disabled' || type === 'between_tools';
  if (!isOff || !HIGH_EFFORTS.includes(effort) || !model?.refuses.includes('no_thinking_at_high_effort'))
    return [];
  return [
    {
      field: 'thinking.type',
      problem: `${model.id} does not take it together with an effort of xhigh or max`,
      valid: 'output_config.effort low, medium or high, or {"type": "adaptive"}',
    },
  ];
}

export function checkEffort(effort: unknown, model: Model | undefined): Problem[] {
  const field = 'output_config.effort';
  if (isAbsent(effort)) return [];
  const taken: readonly Effort[] = model?.efforts ?? efforts;
  if (taken.some((each) => each === effort)) return [];
  const known = efforts.some((each) => each === effort);
  if (known && model !== undefined) {
    return taken.length === 0
      ? [{ field, problem: `${model.id} has no efforts`, valid: 'leave it out' }]
      : [{ field, problem: `${model.id} does not take it`, valid: taken.join(', ') }];
  }
  const problem = `is not an effort${typeof effort === 'string' ? didYouMean(effort, taken) : ''}`;
  return [{ field, problem, valid: taken.join(', ') }];
}
