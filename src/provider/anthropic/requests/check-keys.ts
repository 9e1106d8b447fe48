import { describeSome, type Problem } from '../../../errors.ts';
import { didYouMean, quoteName } from '../../../lib/nearest.ts';
import type { Params } from '../../dialect.ts';

/** The keys of a Messages API body (SDK 1.12.0, `MessageCreateParamsBase`) that a batch takes. */
const KNOWN_KEYS = [
  'model',
  'max_tokens',
  'messages',
  'system',
  'cache_control',
  'container',
  'diagnostics',
  'inference_geo',
  'metadata',
  'output_config',
  'service_tier',
  'stop_sequences',
  'stream',
  'thinking',
  'tool_choice',
  'tools',
];

const REMOVED = 'the API version in use (2026-10-21) has removed it';

/** Keys that the API knows or once knew, and that make a request fail in a batch. */
const REFUSED_KEYS = new Map([
  ['speed', 'a batch has no speed modes'],
  ['fallbacks', 'a batch has no fallback models'],
  ['fallback_credit_token', 'a batch has no fallback models'],
  ['thread', 'a batch has no threads'],
  ['billing_policy', "a batch can't be billed to a user profile"],
  ['user_profile_id', "a batch can't be billed to a user profile"],
  ['workspace_id', 'it is a header; the workspace is that of the API key, or ANTHROPIC_WORKSPACE_ID'],
  ['temperature', REMOVED],
  ['top_p', REMOVED],
  ['top_k', REMOVED],
  ['anthropic_version', 'it is a header, and in a body only that of Bedrock and Vertex'],
]);

/** Keys that a beta brings, with how the names of its versions begin and the newest of them (SDK 1.12.0). */
const BETA_KEYS = new Map([
  ['mcp_servers', { beta: 'mcp-client-', newest: 'mcp-client-2026-09-15' }],
  ['context_management', { beta: 'context-management-', newest: 'context-management-2025-06-27' }],
  ['compaction', { beta: 'compact-', newest: 'compact-2026-09-04' }],
  ['output_format', { beta: 'structured-outputs-', newest: 'structured-outputs-2025-11-13' }],
]);

/** Betas that are known to bring no keys: they lift a limit. */
const KEYLESS_BETA = /^output-\d+k-/;

/** Whether a beta in use may bring keys that are not known here. */
export const mayBringKeys = (betas: readonly string[]): boolean =>
  betas.some((beta) => !KEYLESS_BETA.test(beta));

/** A beta is a header of the whole batch, and chosen by the owner. */
const BETA_NAMES = ['betas', 'beta', 'anthropic_beta', 'anthropic-beta', 'extra_headers', 'headers'];

/** Names of other providers, with their equivalents here. */
const FOREIGN_KEYS = new Map([
  ['max_completion_tokens', ['OpenAI', 'max_tokens']],
  ['max_output_tokens', ['OpenAI', 'max_tokens']],
  ['response_format', ['OpenAI', 'output_config.format']],
  ['reasoning_effort', ['OpenAI', 'output_config.effort']],
  ['reasoning', ['OpenAI', 'output_config.effort']],
  ['functions', ['OpenAI', 'tools']],
  ['function_call', ['OpenAI', 'tool_choice']],
  ['parallel_tool_calls', ['OpenAI', 'tool_choice.disable_parallel_tool_use']],
  ['stop', ['OpenAI', 'stop_sequences']],
  ['user', ['OpenAI', 'metadata.user_id']],
  ['input', ['OpenAI', 'messages']],
  ['text', ['OpenAI', 'output_config.format']],
  ['instructions', ['OpenAI', 'system']],
  ['contents', ['Gemini', 'messages']],
  ['systemInstruction', ['Gemini', 'system']],
  ['system_instruction', ['Gemini', 'system']],
  ['generationConfig', ['Gemini', 'max_tokens and output_config']],
  ['generation_config', ['Gemini', 'max_tokens and output_config']],
  ['responseSchema', ['Gemini', 'output_config.format']],
  ['thinkingConfig', ['Gemini', 'thinking and output_config.effort']],
  ['toolConfig', ['Bedrock and Gemini', 'tools and tool_choice']],
  ['tool_config', ['Gemini', 'tool_choice']],
  ['inferenceConfig', ['Bedrock', 'max_tokens']],
  ['modelId', ['Bedrock', 'model']],
  ['outputConfig', ['Bedrock', 'output_config']],
  ['message', ['Cohere', 'messages']],
  ['chat_history', ['Cohere', 'messages']],
  ['preamble', ['Cohere', 'system']],
  ['prompt', ['the older completions API', 'messages']],
  ['max_tokens_to_sample', ['the older completions API', 'max_tokens']],
  ['num_predict', ['Ollama', 'max_tokens']],
  ['options', ['Ollama', 'max_tokens']],
  ['max_new_tokens', ['Hugging Face', 'max_tokens']],
]);

/** What other providers have, but the Messages API does not. */
const FOREIGN_ALONE = new Map([
  ...without('OpenAI', 'n seed logprobs top_logprobs logit_bias frequency_penalty presence_penalty store'),
  ...without('OpenAI', 'stream_options modalities audio prediction verbosity web_search_options include'),
  ...without('OpenAI', 'previous_response_id truncation background safety_identifier prompt_cache_key'),
  ...without('Gemini', 'safetySettings safety_settings cachedContent cached_content candidateCount'),
  ...without('Mistral', 'safe_prompt random_seed prompt_mode'),
  ...without('Bedrock', 'guardrailConfig additionalModelRequestFields performanceConfig promptVariables'),
  ...without('Ollama', 'keep_alive raw template'),
]);

function without(whose: string, keys: string): [string, string][] {
  return keys.split(' ').map((key) => [key, whose]);
}

/** What is wrong with the names of the params. */
export function checkKeys(params: Params, betas: readonly string[]): Problem[] {
  const keys = Object.keys(params).filter((key) => !KNOWN_KEYS.includes(key) && !isBrought(key, betas));
  return describeSome(keys, 'keys that the Messages API does not have', checkKey);
}

/** Whether a beta brings the key that requests may rely on. */
function isBrought(key: string, betas: readonly string[]): boolean {
  const brought = BETA_KEYS.get(key);
  return brought !== undefined && betas.some((beta) => beta.startsWith(brought.beta));
}

function checkKey(key: string): Problem {
  const refusal = REFUSED_KEYS.get(key);
  if (refusal !== undefined) return { field: key, problem: `is refused: ${refusal}`, valid: 'leave it out' };

  const brought = BETA_KEYS.get(key);
  if (brought !== undefined) {
    const valid = `leave it out; the owner of this server can name the beta in BATCH_MCP_BETAS (${brought.newest})`;
    return { field: key, problem: `belongs to a beta that this server does not use`, valid };
  }
  if (BETA_NAMES.includes(key)) {
    const valid =
      'leave it out; the owner of this server names the betas that requests may rely on in BATCH_MCP_BETAS';
    return { field: key, problem: 'is a header of the whole batch, and no param of a request', valid };
  }
  const [whose, ours] = FOREIGN_KEYS.get(key) ?? [];
  if (whose !== undefined) {
    return { field: key, problem: `is ${whose}'s name for it`, valid: `${ours} instead` };
  }
  const alone = FOREIGN_ALONE.get(key);
  if (alone !== undefined) {
    return {
      field: key,
      problem: `is ${alone}'s, and the Messages API has nothing like it`,
      valid: 'leave it out',
    };
  }
  const problem = `is not a key of the Messages API${didYouMean(key, KNOWN_KEYS)}`;
  return { field: quoteName(key), problem, valid: KNOWN_KEYS.join(', ') };
}
