import type { Problem } from '../../../errors.ts';
import { isJsonObject } from '../../../lib/json.ts';
import type { CheckOptions, Params } from '../../dialect.ts';
import { type Model, unknownModel } from '../../models.ts';
import { checkCaching } from './check-caching.ts';
import { checkFields } from './check-fields.ts';
import { checkKeys } from './check-keys.ts';
import { asksForCitations } from './check-media.ts';
import { checkMediaLimits } from './check-media-limits.ts';
import { checkContent, checkMessages } from './check-messages.ts';
import { checkEffort, checkThinking } from './check-thinking.ts';
import { checkToolChoice, checkTools } from './check-tools.ts';
import { findNetworkAccess } from './network-access.ts';
import { checkClosedSchema } from './output-schema.ts';

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
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
  const most = model?.max_output_tokens;
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
  if (isCount && value <= (most ?? value)) return [];
  const problem = isCount ? 'is above what the model can give' : 'is not a whole number above 0';
  const limit = model === undefined ? '' : `, at most ${most} for ${model.id}`;
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

function checkSystem(system: unknown): Problem[] {
  return isAbsent(system) ? [] : checkContent(system, 'system', 'system');
}

/** Params of a simple type, each with its valid values. */
const PLAIN: [field: string, isValid: (value: unknown) => boolean, valid: string][] = [
  ['metadata', isJsonObject, 'an object, as in {"user_id": "…"}'],
  [
    'service_tier',
    (value) => value === 'auto' || value === 'standard_only',
    'auto, standard_only, or leave it out',
  ],
  [
    'container',
    (value) => typeof value === 'string' || isJsonObject(value),
    'the id of a container, or an object as in {"skills": […]}',
  ],
  ['diagnostics', isJsonObject, 'an object, as in {"previous_message_id": "msg_…"}'],
  ['inference_geo', (value) => typeof value === 'string' && value !== '', 'a region, as in "us"'],
  [
    'stop_sequences',
    (value) => Array.isArray(value) && value.every((each) => typeof each === 'string' && each.trim() !== ''),
    'a list of texts that are not blank',
  ],
];

/** A user id is opaque: the API refuses what looks like an e-mail address or a telephone number. */
const USER_ID =
  '1 to 256 characters that reveal nothing about the person: a hash, not an e-mail address or a phone number';

/** An e-mail address, or a telephone number with its country code. */
const PERSONAL = /^(\S+@\S+\.\S+|\+\d[\d ().-]{6,})$/;

function checkUserId(metadata: unknown): Problem[] {
  const id = isJsonObject(metadata) ? (metadata.user_id ?? null) : null;
  const isFine = typeof id === 'string' && id.length <= 256 && !PERSONAL.test(id);
  return id === null || isFine
    ? []
    : [{ field: 'metadata.user_id', problem: 'is not as the API takes it', valid: USER_ID }];
}

function checkPlain(params: Params): Problem[] {
  const problems = PLAIN.flatMap(([field, isValid, valid]) =>
    isAbsent(params[field]) || isValid(params[field])
      ? []
      : [{ field, problem: 'is not as the API takes it', valid }],
  );
  return [...problems, ...checkUserId(params.metadata)];
}

function checkOutputConfig(params: Params, model: Model | undefined): Problem[] {
  const { output_config: config } = params;
  const field = 'output_config';
  if (isAbsent(config)) return [];
  if (!isJsonObject(config))
    return [{ field, problem: 'is not an object', valid: '{"format": …, "effort": …}' }];
  const format = checkFormat(config.format, `${field}.format`);
  if (!isAbsent(config.format) && format.length === 0 && asksForCitations(params)) {
    const valid = 'citations or a format, not both in one request';
    format.push({ field: `${field}.format`, problem: 'does not go together with citations', valid });
  }
  return [...checkEffort(config.effort, model), ...format];
}

function checkFormat(format: unknown, field: string): Problem[] {
  if (isAbsent(format)) return [];
  if (!isJsonObject(format) || format.type !== 'json_schema' || !isJsonObject(format.schema)) {
    const valid = '{"type": "json_schema", "schema": {…}}';
    const isOpenAi = isJsonObject(format) && ('json_schema' in format || format.type === 'json_object');
    return [
      {
        field,
        problem: isOpenAi ? "is OpenAI's form of an output format" : 'is not an output format',
        valid,
      },
    ];
  }
  return checkClosedSchema(format.schema, `${field}.schema`);
}

/**
 * What is wrong with the `params` of a native request, which the API itself checks only while it processes the batch, hours
 * later. Fields are relative to the params, as in `messages[0].content`. Only what the API is known to refuse is checked;
 * the rest is left to it.
 */
export function checkParams(params: Params, options: CheckOptions): Problem[] {
  const { catalog, allowNetworkTools } = options;
  const betas = catalog.options.betas ?? [];
  const { model: id, max_tokens, output_config, thinking } = params;
  const model = typeof id === 'string' ? catalog.find(id) : undefined;
  const effort = isJsonObject(output_config) ? output_config.effort : undefined;
  const told = [
    ...checkKeys(params, betas),
    ...checkModel(id, options),
    ...checkMaxTokens(max_tokens, model),
    ...checkMessages(params.messages, model, { betas, thinking }),
    ...checkSystem(params.system),
    ...checkStream(params.stream),
    ...checkThinking(thinking, { max_tokens, effort }, model),
    ...checkTools(params.tools),
    ...checkToolChoice({ tools: params.tools, tool_choice: params.tool_choice, thinking }, model),
    ...checkOutputConfig(params, model),
    ...checkCaching(params),
    ...checkPlain(params),
    ...checkMediaLimits(params, model),
  ];
  return [
    ...told,
    ...checkFields(params, betas, told),
    ...(allowNetworkTools ? [] : findNetworkAccess(params)),
  ];
}
