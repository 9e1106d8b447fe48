import { isJsonObject } from '../../../lib/json.ts';
import type { ChangedParams, Params, ParamsChange } from '../../dialect.ts';

/** The params without one key, and whether it was there. */
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

/** The messages with another text in the last one, which is the user's; its other blocks stay in front. */
function withPrompt(messages: unknown, text: string): unknown[] {
  const list: unknown[] = Array.isArray(messages) ? messages : [];
  const last = list.at(-1);
  const content = isJsonObject(last) && Array.isArray(last.content) ? last.content : [];
  const files = content.filter((block) => isJsonObject(block) && block.type !== 'text');
  const turn = files.length === 0 ? text : [...files, { type: 'text', text }];
  return [...list.slice(0, -1), { role: 'user', content: turn }];
}

/** A request's params as a retry sends them. A given number of tokens takes precedence over a longer answer. */
export function changeParams(given: Params, change: ParamsChange): ChangedParams {
  let params = given;
  const removed: string[] = [];
  for (const name of change.remove) {
    const result = without(params, name.split('.'));
    if (result.found) removed.push(name);
    params = result.params;
  }
  if (change.model !== undefined) params = { ...params, model: change.model.id };
  if (change.system !== undefined) params = { ...params, system: change.system };
  if (change.prompt !== undefined)
    params = { ...params, messages: withPrompt(params.messages, change.prompt) };
  if (change.effort !== undefined || change.output_schema !== undefined) {
    const { output_config: given, ...all } = params;
    // The beta had the format here: the new one replaces it.
    const others = change.output_schema === undefined ? all : without(all, ['output_format']).params;
    const { effort: before, ...config } = isJsonObject(given) ? given : {};
    const effort = change.effort === undefined ? before : change.effort;
    const { output_schema: schema } = change;
    const output_config = {
      ...config,
      ...(effort !== undefined && effort !== null && { effort }),
      ...(schema && { format: { type: 'json_schema', schema } }),
    };
    params = Object.keys(output_config).length === 0 ? others : { ...params, output_config };
  }
  if (change.max_tokens !== undefined) {
    return { params: { ...params, max_tokens: change.max_tokens }, removed, atLimit: false };
  }
  const { model, max_tokens } = params;
  if (change.longer === null || typeof max_tokens !== 'number') return { params, removed, atLimit: false };
  const limit = typeof model === 'string' ? change.longer.limitOf(model) : undefined;
  const longer = Math.min(2 * max_tokens, limit ?? 2 * max_tokens);
  return { params: { ...params, max_tokens: longer }, removed, atLimit: longer <= max_tokens };
}
