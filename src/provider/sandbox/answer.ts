import { isJsonObject } from '../../lib/json.ts';
import { modelTable } from '../anthropic/models/price-table.ts';
import { estimateTokens } from '../anthropic/models/token-estimate.ts';
import { rowsOf } from '../anthropic/requests/shared-request.ts';
import { type CacheUse, cachedPrompt, noCache, useOf } from './prompt-cache.ts';
import type { CountedParams, Params } from './request-schema.ts';
import { sampleOfSchema, seedOf } from './schema-sample.ts';

const BYTES_PER_TOKEN = 4;

const fillers = [
  'No model has read the request.',
  'This text only shows where an answer would stand and how long it might be.',
  'Its cost is figured as if it were real.',
  'Set ANTHROPIC_API_KEY and submit the work without the sandbox for answers that mean something.',
];

/** The `result` of a request that the API would answer: a message with made-up text and plausible usage. */
export function succeededResult(
  batchId: string,
  customId: string,
  params: Params,
  warm: ReadonlySet<string> = new Set(),
) {
  const cache = cacheUse(params, warm);
  const seed = seedOf(`${batchId}/${customId}`);
  const promptBytes =
    bytesOf(params.system) + params.messages.reduce((sum, { content }) => sum + bytesOf(content), 0);
  const call = forcedCall(params, customId, seed);
  const whole = structuredText(params, customId) ?? plainText(customId, promptBytes, seed);
  const room = params.max_tokens * BYTES_PER_TOKEN;
  const text = whole.length > room ? whole.slice(0, room) : whole;
  const thinking = thinkingBlocks(params);
  const said = call ?? { type: 'text', text };
  const saidTokens = outputTokens(call ? jsonOf(call.input) : text + jsonOf(thinking), params.model);
  const isCut = call ? saidTokens > params.max_tokens : text !== whole;
  const thought = Math.min(
    thinkingTokens(params, seed),
    params.max_tokens - Math.min(params.max_tokens, saidTokens),
  );
  return {
    type: 'succeeded',
    message: {
      id: `msg_sandbox_${seed.toString(36)}`,
      type: 'message',
      role: 'assistant',
      model: params.model,
      content: [...thinking, said],
      stop_reason: isCut ? 'max_tokens' : call ? 'tool_use' : 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: inputTokens(params) - cache.read - cache.written,
        cache_creation_input_tokens: cache.written,
        cache_read_input_tokens: cache.read,
        ...(cache.written > 0 && {
          cache_creation: {
            ephemeral_5m_input_tokens: cache.ttl === '5m' ? cache.written : 0,
            ephemeral_1h_input_tokens: cache.ttl === '1h' ? cache.written : 0,
          },
        }),
        output_tokens: Math.min(params.max_tokens, saidTokens + thought),
        ...(thought > 0 && { output_tokens_details: { thinking_tokens: thought } }),
        service_tier: 'batch',
      },
    },
  };
}

function cacheUse(params: Params, warm: ReadonlySet<string>): CacheUse {
  const prompt = cachedPrompt(params);
  if (prompt === null) return noCache;
  const tokens = Math.min(inputTokens(params), Math.ceil(countTextTokens(prompt.text, params.model)));
  return useOf(params.model, prompt, tokens, warm);
}

/** The `result` of a request whose params are wrong; the API nests the error twice. */
export function erroredResult(message: string) {
  const error = { type: 'invalid_request_error', message };
  return { type: 'errored', error: { type: 'error', error, request_id: null } };
}

function plainText(customId: string, promptBytes: number, seed: number): string {
  const size = promptBytes.toLocaleString('en-US');
  const opening = `[sandbox] Made-up answer to "${customId}", whose prompt has ${size} bytes.`;
  const sentences = Array.from({ length: seed % 12 }, (_, index) => fillers[index % fillers.length]);
  return [opening, ...sentences].join(' ');
}

function structuredText(params: Params, customId: string): string | null {
  const schema = params.output_config?.format?.schema;
  if (schema === undefined) return null;
  const rows = rowsOf(params);
  const entry = rows.length === 0 ? null : entrySchema(schema);
  if (entry === null) return JSON.stringify(sampleOfSchema(schema, customId));
  // Definitions are at the root of the whole schema.
  const of = { ...entry, ...('$defs' in schema && { $defs: schema.$defs }) };
  return JSON.stringify({
    answers: rows.map(({ id }) => ({ id, answer: sampleOfSchema(of, id) })),
  });
}

/** The schema of one row's answer, where rows are asked for. */
function entrySchema(schema: Record<string, unknown>): Record<string, unknown> | null {
  const within = (value: unknown, key: string) => (isJsonObject(value) ? value[key] : undefined);
  const answers = within(within(schema, 'properties'), 'answers');
  const answer = within(within(within(answers, 'items'), 'properties'), 'answer');
  return isJsonObject(answer) ? answer : null;
}

/** Whether a tool without a schema is one that the caller runs, as a shell, and not the API. */
const isForTheCaller = ({ type }: Readonly<Record<string, unknown>>) =>
  typeof type === 'string' && /^(?:bash|computer|memory|text_editor)_/.test(type);

/** The call that a request demands, its input made up by the tool's schema. */
function forcedCall({ tools = [], tool_choice: choice }: Params, customId: string, seed: number) {
  if (choice?.type !== 'any' && choice?.type !== 'tool') return null;
  const tool =
    choice.type === 'tool'
      ? tools.find(({ name }) => name === choice.name)
      : (tools.find(({ input_schema }) => input_schema !== undefined) ?? tools.find(isForTheCaller));
  if (tool === undefined) return null;
  const input = sampleOfSchema(tool.input_schema ?? { type: 'object' }, customId);
  return { type: 'tool_use', id: `toolu_sandbox_${seed.toString(36)}`, name: tool.name ?? '', input };
}

const EFFORT_SHARES = new Map<unknown, number>([
  ['low', 0.2],
  ['medium', 0.6],
]);

/** Newer models think unless told not to, older ones only when told to. */
function thinkingTokens({ model, thinking, output_config }: Params, seed: number): number {
  const usual = modelTable.rows.find(({ id }) => id === model)?.usual_effort ?? null;
  const thinks = thinking === undefined ? usual !== null : thinking.type !== 'disabled';
  if (!thinks) return 0;
  return Math.round((100 + (seed % 900)) * (EFFORT_SHARES.get(output_config?.effort ?? usual) ?? 1));
}

function thinkingBlocks({ thinking }: Params) {
  if (thinking === undefined || thinking.type === 'disabled') return [];
  return [{ type: 'thinking', thinking: '[sandbox] Made-up thinking.', signature: 'sandbox' }];
}

function bytesOf(content: unknown): number {
  if (content === undefined) return 0;
  return Buffer.byteLength(typeof content === 'string' ? content : JSON.stringify(content));
}

/** What the API puts around a request's own text. */
const OVERHEAD_TOKENS = 8;

/** The tokens of a request's input: the same in the answer's usage and when counted beforehand. */
export function inputTokens({ system, messages, tools, output_config, model }: CountedParams): number {
  const parts = [system, ...messages.map(({ content }) => content), tools, output_config];
  const tokens = parts.reduce<number>((sum, part) => sum + countTextTokens(jsonOf(part), model), 0);
  return Math.ceil(tokens) + OVERHEAD_TOKENS;
}

function outputTokens(text: string, model: string): number {
  return Math.max(1, Math.ceil(countTextTokens(text, model)));
}

function jsonOf(content: unknown): string {
  if (content === undefined || content === null) return '';
  return typeof content === 'string' ? content : JSON.stringify(content);
}

const factors = new Map(
  modelTable.rows.flatMap(({ id, aliases, token_factor }) =>
    [id, ...aliases].map((each): [string, number] => [each, token_factor]),
  ),
);

/**
 * How many tokens the sandbox makes of a text for a model. It goes by the text's shape, and not by the tokenizer
 * that estimates without a key use, as they would otherwise always be proven right.
 */
function countTextTokens(text: string, model: string): number {
  return estimateTokens(text) * (factors.get(model) ?? 1);
}
