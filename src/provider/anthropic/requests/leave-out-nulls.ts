import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { Params } from '../../dialect.ts';

/**
 * Optional fields for which the API refuses null, though programs write null for missing values (SDK 1.12.0, the fields
 * without `| null`). Fields that may be null, such as `cache_control` or `citations`, stay as they are.
 */
const OPTIONAL = {
  // From temperature on, these are refused anyway or belong to a beta; null means that they are not used.
  params: (
    'metadata output_config service_tier stop_sequences stream system thinking tool_choice tools mcp_servers ' +
    'temperature top_p top_k speed fallbacks thread fallback_credit_token user_profile_id workspace_id billing_policy betas ' +
    'context_management compaction output_format'
  ).split(' '),
  tool: ['description', 'strict', 'defer_loading', 'input_examples', 'allowed_callers'],
  choice: ['disable_parallel_tool_use'],
  thinking: ['budget_tokens'],
  cache: ['ttl'],
  block: ['caller', 'is_error'],
  tool_result: ['content'],
  search_result: ['citations'],
};

/**
 * The params without nulls that the API refuses, and without a system prompt that is empty, for it says nothing; the very
 * same object if there are none.
 */
export function leaveOutNulls(given: Params): Params {
  const params = isEmptyPrompt(given.system) ? without({ ...given, system: null }, ['system']) : given;
  // Hardly any request has one.
  if (!holdsNull(params)) return params;
  return changed(without(params, OPTIONAL.params), {
    tools: (tools) => each(tools, (tool) => block(without(tool, OPTIONAL.tool))),
    tool_choice: (choice) => of(choice, (given) => without(given, OPTIONAL.choice)),
    thinking: (thinking) => of(thinking, (given) => without(given, OPTIONAL.thinking)),
    cache_control: cache,
    system: (system) => each(system, block),
    messages: (messages) =>
      each(messages, (message) => changed(message, { content: (content) => each(content, block) })),
  });
}

/** Programs write one for a prompt that there is not. Blanks alone are refused: they may be a file that was not read. */
const isEmptyPrompt = (system: unknown) => system === '' || (Array.isArray(system) && system.length === 0);

function holdsNull(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  return value === null || Object.values(value).some(holdsNull);
}

const cache = (control: unknown) => of(control, (given) => without(given, OPTIONAL.cache));

/** A block, a tool, or a block within another. */
function block(given: JsonObject): JsonObject {
  const own =
    given.type === 'tool_result'
      ? OPTIONAL.tool_result
      : given.type === 'search_result'
        ? OPTIONAL.search_result
        : [];
  return changed(without(given, [...OPTIONAL.block, ...own]), {
    cache_control: cache,
    // The API has only one level of nested blocks.
    ...(given.type === 'tool_result' && {
      content: (content: unknown) => each(content, (inner) => changed(inner, { cache_control: cache })),
    }),
  });
}

type Change = (value: unknown) => unknown;

function of(value: unknown, change: (value: JsonObject) => JsonObject): unknown {
  return isJsonObject(value) ? change(value) : value;
}

function each(list: unknown, change: (value: JsonObject) => JsonObject): unknown {
  if (!Array.isArray(list)) return list;
  const next = list.map((value: unknown) => of(value, change));
  return next.some((value, index) => value !== list[index]) ? next : list;
}

function without<T extends Params>(given: T, keys: readonly string[]): JsonObject | T {
  if (!keys.some((key) => given[key] === null)) return given;
  return Object.fromEntries(
    Object.entries(given).filter(([key, value]) => value !== null || !keys.includes(key)),
  );
}

function changed<T extends Params>(given: T, changes: Record<string, Change>): JsonObject | T {
  let next: JsonObject | T = given;
  for (const [key, change] of Object.entries(changes)) {
    if (!(key in given)) continue;
    const value = change(given[key]);
    if (value !== given[key]) next = { ...next, [key]: value };
  }
  return next;
}
