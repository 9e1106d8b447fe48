/** Spend limits, by their stable names. `ramp_limit_exceeded` is none: it passes. */
const SPEND_LIMITS = [
  'enforced_spend_limit_reached',
  'contract_spend_limit_reached',
  // As gateways have them, in OpenAI's form and LiteLLM's.
  'insufficient_quota',
  'billing_hard_limit_reached',
  'budget_exceeded',
];

/** Whether an error's type, or the stable name of its cause, says that no more may be spent. */
export const isSpendLimit = (...names: readonly unknown[]): boolean =>
  SPEND_LIMITS.some((limit) => names.includes(limit));

const NO_CREDIT = /credit balance is too low/i;

/** About the account, though it comes as a fault of the request: the same request succeeds once it is topped up. */
export const saysNoCredit = (message: string | null | undefined): boolean => NO_CREDIT.test(message ?? '');
