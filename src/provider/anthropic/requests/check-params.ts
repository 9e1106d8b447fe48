import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../../errors.ts';
import { isJsonObject } from '../../../lib/json.ts';
import { didYouMean, quoteName } from '../../../lib/nearest.ts';
import type { CheckOptions, Params } from '../../dialect.ts';
import { type Model, unknownModel } from '../../models.ts';
import { checkContent, checkMessages } from './check-messages.ts';
import { findNetworkAccess } from './network-access.ts';
import { prepareOutputSchema } from './output-schema.ts';

/** The body of the Messages API (SDK 1.12.0, `MessageCreateParamsBase`), and what a batch takes beside it. */
const KNOWN_KEYS = [
  'model',
  'max_tokens',
  'messages',
  'system',
  'cache_control',
  'container',
  'diagnostics',
  'inference_geo',
  'mcp_servers',
  'metadata',
  'output_config',
  'service_tier',
  'stop_sequences',
  'stream',
  'thinking',
  'tool_choice',
  'tools',
];

/** Keys that the API knows, or knew, and that fail a request in a batch. */
const REFUSED_KEYS = new Map([
  ['speed', 'a batch has no speed modes'],
  ['temperature', 'the API version in use (2026-10-21) has removed it'],
  ['top_p', 'the API version in use (2026-10-21) has removed it'],
  ['top_k', 'the API version in use (2026-10-21) has removed it'],
]);

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'];
const TOOL_CHOICES = ['auto', 'any', 'tool', 'none'];
const LEAST_THINKING_BUDGET = 1024;

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function checkKeys(params: Params): Problem[] {
  return Object.keys(params).flatMap((key) => {
    const refusal = REFUSED_KEYS.get(key);
    if (refusal !== undefined) {
      return [{ field: key, problem: `is refused: ${refusal}`, valid: 'leave it out' }];
    }
    if (KNOWN_KEYS.includes(key)) return [];
    const problem = `is not a key of the Messages API${didYouMean(key, KNOWN_KEYS)}`;
    return [{ field: quoteName(key), problem, valid: KNOWN_KEYS.join(', ') }];
  });
}

function checkModel(id: unknown, { catalog }: CheckOptions): Problem[] {
  const field = 'model';
  if (typeof id !== 'string' || id === '') {
    const problem = isAbsent(id) || id === '' ? 'is missing' : 'is not a string';
    return [{ field, problem, valid: `one of ${catalog.ids.join(', ')}` }];
  }
  return catalog.find(id) === undefined ? [{ field, ...unknownModel(id, catalog.ids) }] : [];
}

function checkMaxTokens(value: unknown, model: Model | undefined): Problem[] {
  const limit = model === undefined ? '' : `, at most ${model.max_output_tokens} for ${model.id}`;
  if (isCount(value) && value <= (model?.max_output_tokens ?? value)) return [];
  const problem = isCount(value) ? 'is above what the model can give' : 'is not a whole number above 0';
  return [
    {
      field: 'max_tokens',
      problem: isAbsent(value) ? 'is missing' : problem,
      valid: `a whole number from 1${limit}`,
    },
  ];
}

function checkStream(stream: unknown): Problem[] {
  if (isAbsent(stream) || stream === false) return [];
  return [{ field: 'stream', problem: "a batch can't stream", valid: 'false, or leave it out' }];
}

function checkThinking(thinking: unknown, maxTokens: unknown, model: Model | undefined): Problem[] {
  const field = 'thinking';
  if (isAbsent(thinking)) return [];
  if (!isJsonObject(thinking) || typeof thinking.type !== 'string') {
    return [
      { field, problem: 'is not a thinking configuration', valid: 'an object, as in {"type": "adaptive"}' },
    ];
  }
  const budget = thinking.budget_tokens;
  if (!isAbsent(budget) && model?.refuses.includes('thinking_budget')) {
    const valid = 'leave it out, as in {"type": "adaptive"}; output_config.effort steers how much it thinks';
    return [{ field: `${field}.budget_tokens`, problem: `${model.id} takes no budget`, valid }];
  }
  if (thinking.type !== 'enabled' || model === undefined || model.refuses.includes('thinking_budget'))
    return [];
  const fits =
    isCount(budget) && budget >= LEAST_THINKING_BUDGET && (!isCount(maxTokens) || budget < maxTokens);
  const valid = `a whole number from ${LEAST_THINKING_BUDGET}, below max_tokens`;
  return fits ? [] : [{ field: `${field}.budget_tokens`, problem: 'is missing or out of range', valid }];
}

function checkTools(tools: unknown): Problem[] {
  if (isAbsent(tools)) return [];
  if (!Array.isArray(tools)) return [{ field: 'tools', problem: 'is not a list', valid: 'a list of tools' }];
  return tools.flatMap((tool: unknown, index) =>
    isJsonObject(tool) ? [] : [{ field: `tools[${index}]`, problem: 'is not a tool', valid: 'an object' }],
  );
}

function checkToolChoice(choice: unknown, model: Model | undefined): Problem[] {
  if (isAbsent(choice)) return [];
  const field = 'tool_choice';
  const type = isJsonObject(choice) ? choice.type : undefined;
  if (typeof type !== 'string' || !TOOL_CHOICES.includes(type)) {
    return [
      {
        field,
        problem: 'is not a tool choice',
        valid: `an object with a type of ${TOOL_CHOICES.join(', ')}`,
      },
    ];
  }
  if (!['any', 'tool'].includes(type) || !model?.refuses.includes('forced_tool_choice')) return [];
  return [
    { field: `${field}.type`, problem: `${model.id} can't be made to use a tool`, valid: 'auto, none' },
  ];
}

function checkOutputConfig(config: unknown): Problem[] {
  const field = 'output_config';
  if (isAbsent(config)) return [];
  if (!isJsonObject(config))
    return [{ field, problem: 'is not an object', valid: '{"format": …, "effort": …}' }];
  return [...checkEffort(config.effort, `${field}.effort`), ...checkFormat(config.format, `${field}.format`)];
}

function checkEffort(effort: unknown, field: string): Problem[] {
  if (isAbsent(effort) || (typeof effort === 'string' && EFFORTS.includes(effort))) return [];
  return [{ field, problem: 'is not an effort', valid: EFFORTS.join(', ') }];
}

function checkFormat(format: unknown, field: string): Problem[] {
  if (isAbsent(format)) return [];
  if (!isJsonObject(format) || format.type !== 'json_schema' || !isJsonObject(format.schema)) {
    return [{ field, problem: 'is not an output format', valid: '{"type": "json_schema", "schema": {…}}' }];
  }
  const at = `${field}.schema`;
  const { schema, problems } = prepareOutputSchema(format.schema, at);
  if (problems.length > 0) return problems;
  // Native params go out as they are, so what the API asks for is asked for here.
  if (isDeepStrictEqual(schema, format.schema)) return [];
  const problem = 'an object in it may have any other keys, which structured output refuses';
  return [{ field: at, problem, valid: '"additionalProperties": false on every object' }];
}

/**
 * What is wrong with the `params` of a native request: the API itself looks at them only while the batch is
 * processed, hours later. Fields are relative to the params, as in `messages[0].content`. What is checked is
 * what the API is known to refuse; the rest is left to it.
 */
export function checkParams(params: Params, options: CheckOptions): Problem[] {
  const { model: id, max_tokens: maxTokens, system } = params;
  const model = typeof id === 'string' ? options.catalog.find(id) : undefined;
  return [
    ...checkKeys(params),
    ...checkModel(id, options),
    ...checkMaxTokens(maxTokens, model),
    ...checkMessages(params.messages, model),
    ...(isAbsent(system) ? [] : checkContent(system, 'system')),
    ...checkStream(params.stream),
    ...checkThinking(params.thinking, maxTokens, model),
    ...checkTools(params.tools),
    ...checkToolChoice(params.tool_choice, model),
    ...checkOutputConfig(params.output_config),
    ...(options.allowNetworkTools ? [] : findNetworkAccess(params)),
  ];
}
