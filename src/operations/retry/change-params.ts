import type { Model } from '../../provider/models.ts';

type Params = Record<string, unknown>;

/** How a request is changed before it is sent again. */
export type ParamsChange = {
  model: Model | undefined;
  max_tokens: number | undefined;
  /** Names of params to leave out; dots reach into objects, as in `thinking.budget_tokens`. */
  remove: readonly string[];
};

/** The params without one of them, and whether it was there. */
function without(params: Params, [first, ...rest]: readonly string[]): { params: Params; found: boolean } {
  if (first === undefined || !Object.hasOwn(params, first)) return { params, found: false };
  const { [first]: value, ...others } = params;
  if (rest.length === 0) return { params: others, found: true };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { params, found: false };
  const inner = without({ ...value }, rest);
  return inner.found
    ? { params: { ...params, [first]: inner.params }, found: true }
    : { params, found: false };
}

/**
 * A request's params as a retry sends them. `removed` names what was there to be left out. An answer that was
 * `cut` at `max_tokens` gets twice as many, up to the model's limit, unless a number is given.
 */
export function changeParams(
  given: Params,
  change: ParamsChange,
  cut: boolean,
  limitOf: (model: unknown) => number | undefined,
): { params: Params; removed: string[]; atLimit: boolean } {
  let params = given;
  const removed: string[] = [];
  for (const name of change.remove) {
    const result = without(params, name.split('.'));
    if (result.found) removed.push(name);
    params = result.params;
  }
  if (change.model !== undefined) params = { ...params, model: change.model.id };
  if (change.max_tokens !== undefined) {
    return { params: { ...params, max_tokens: change.max_tokens }, removed, atLimit: false };
  }
  const { max_tokens } = params;
  if (!cut || typeof max_tokens !== 'number') return { params, removed, atLimit: false };
  const longer = Math.min(2 * max_tokens, limitOf(params.model) ?? 2 * max_tokens);
  return { params: { ...params, max_tokens: longer }, removed, atLimit: longer <= max_tokens };
}
