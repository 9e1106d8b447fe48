import type { Problem } from '../../../errors.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { didYouMean, nearest } from '../../../lib/nearest.ts';
import { checkDocument, checkImage } from './check-media.ts';

/** Content blocks (SDK 1.12.0, `ContentBlockParam`). Betas bring others, so types that don't resemble one of these are left alone. */
const BLOCK_TYPES = [
  'text',
  'image',
  'document',
  'search_result',
  'thinking',
  'redacted_thinking',
  'tool_use',
  'tool_result',
  'server_tool_use',
  'container_upload',
];

const IMAGE = '{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "…"}}';
const TEXT = '{"type": "text", "text": "…"}';
const DOCUMENT =
  '{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "…"}}';

const CALL = '{"type": "tool_use", "id": "…", "name": "…", "input": {…}}';
const RESULT = '{"type": "tool_result", "tool_use_id": "…", "content": "…"}';

/** Block types of other providers, with their names here. */
const FOREIGN_TYPES = new Map([
  ['image_url', ["OpenAI's form of an image", IMAGE]],
  ['input_image', ["OpenAI's form of an image", IMAGE]],
  ['input_text', ["OpenAI's form of a text", TEXT]],
  ['output_text', ["OpenAI's form of a text", TEXT]],
  ['file', ["OpenAI's form of a document", DOCUMENT]],
  ['input_file', ["OpenAI's form of a document", DOCUMENT]],
  ['input_audio', ["OpenAI's form of a recording, which Claude does not take", TEXT]],
  ['refusal', ["OpenAI's form of a refusal", TEXT]],
  ['reasoning', ["OpenAI's form of thinking", '{"type": "thinking", "thinking": "…", "signature": "…"}']],
  ['document_url', ["Mistral's form of a document", DOCUMENT]],
  ['tool_call', ["another provider's form of a call", CALL]],
  ['tool-call', ["the AI SDK's form of a call", CALL]],
  ['tool-result', ["the AI SDK's form of a result", RESULT]],
  ['function_call', ["OpenAI's form of a call", CALL]],
  ['function_call_output', ["OpenAI's form of a result", RESULT]],
]);

/** Blocks of other providers that have no type, by a key that gives them away. */
const FOREIGN_KEYS = new Map([
  ['image_url', ["OpenAI's form of an image", IMAGE]],
  ['inline_data', ["Gemini's form of an image", IMAGE]],
  ['inlineData', ["Gemini's form of an image", IMAGE]],
  ['fileData', ["Gemini's form of a file", DOCUMENT]],
  ['file_data', ["Gemini's form of a file", DOCUMENT]],
  ['functionCall', ["Gemini's form of a call", CALL]],
  ['functionResponse', ["Gemini's form of a result", RESULT]],
  ['image', ["Bedrock's form of an image", IMAGE]],
  ['document', ["Bedrock's form of a document", DOCUMENT]],
  ['toolUse', ["Bedrock's form of a call", CALL]],
  ['toolResult', ["Bedrock's form of a result", RESULT]],
  ['cachePoint', ["Bedrock's form of a cache mark", '"cache_control": {"type": "ephemeral"} in a block']],
  [
    'reasoningContent',
    ["Bedrock's form of thinking", '{"type": "thinking", "thinking": "…", "signature": "…"}'],
  ],
]);

/** Checks one content block of a message with this role, or of `system`. */
export function checkBlock(block: unknown, field: string, role: string): Problem[] {
  if (!isJsonObject(block) || typeof block.type !== 'string' || block.type === '') {
    const [, foreign] = isJsonObject(block) ? ([...FOREIGN_KEYS].find(([key]) => key in block) ?? []) : [];
    return foreign === undefined
      ? [{ field, problem: 'is not a content block', valid: `an object with a "type", as in ${TEXT}` }]
      : [{ field, problem: `is ${foreign[0]}`, valid: foreign[1] ?? TEXT }];
  }
  switch (block.type) {
    case 'text':
      return isText(block.text)
        ? []
        : [{ field: `${field}.text`, problem: 'is missing or blank', valid: 'a text that is not blank' }];
    case 'image':
      return [...checkSpeaker('user', role, field), ...checkImage(block, field)];
    case 'document':
      return [...checkDocument(block, field), ...checkParts(block, field)];
    case 'search_result':
      return checkSearchResult(block, field);
    case 'thinking':
      return [...checkSpeaker('assistant', role, field), ...checkThought(block, field)];
    case 'redacted_thinking':
      return [...checkSpeaker('assistant', role, field), ...required(block.data, `${field}.data`)];
    case 'tool_use':
    case 'server_tool_use':
      return [...checkSpeaker('assistant', role, field), ...checkToolUse(block, field)];
    case 'tool_result':
      return [...checkSpeaker('user', role, field), ...checkToolResult(block, field)];
    default:
      return checkType(block.type, field);
  }
}

const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '';

function checkType(type: string, field: string): Problem[] {
  const [whose, valid] = FOREIGN_TYPES.get(type) ?? [];
  if (whose !== undefined && valid !== undefined) return [{ field, problem: `is ${whose}`, valid }];
  if (BLOCK_TYPES.includes(type) || nearest(type, BLOCK_TYPES) === undefined) return [];
  const problem = `is not a type of content block${didYouMean(type, BLOCK_TYPES)}`;
  return [{ field: `${field}.type`, problem, valid: BLOCK_TYPES.join(', ') }];
}

function checkSpeaker(speaker: string, role: string, field: string): Problem[] {
  if (role === speaker || !['user', 'assistant'].includes(role)) return [];
  return [{ field, problem: `is in a message of the ${role}`, valid: `a message of the ${speaker}` }];
}

/** The pattern from the API's own error; ids in its answers match it. */
const CALL_ID = { pattern: /^[a-zA-Z0-9_-]+$/, valid: 'letters, digits, _ or -' };
const CALLED_NAME = { pattern: /^[a-zA-Z0-9_-]{1,200}$/, valid: '1 to 200 letters, digits, _ or -' };

type Form = { pattern: RegExp; valid: string };

function formed(value: unknown, field: string, { pattern, valid }: Form): Problem[] {
  const problems = required(value, field);
  if (problems.length > 0 || typeof value !== 'string' || pattern.test(value)) return problems;
  return [{ field, problem: 'has characters that the API refuses', valid }];
}

/** The text may be empty, as when it was left out of the answer; its signature may not. */
function checkThought({ thinking, signature }: JsonObject, field: string): Problem[] {
  return [
    ...(typeof thinking === 'string'
      ? []
      : [{ field: `${field}.thinking`, problem: 'is missing or not a text', valid: 'the text as it came' }]),
    ...required(signature, `${field}.signature`),
  ];
}

function checkToolUse({ id, name, input }: JsonObject, field: string): Problem[] {
  return [
    ...formed(id, `${field}.id`, CALL_ID),
    ...formed(name, `${field}.name`, CALLED_NAME),
    ...(isJsonObject(input)
      ? []
      : [
          {
            field: `${field}.input`,
            problem: 'is not an object',
            valid: 'what the tool was called with, as an object',
          },
        ]),
  ];
}

function checkToolResult({ tool_use_id, content }: JsonObject, field: string): Problem[] {
  const blocks: unknown[] = Array.isArray(content) ? content : [];
  return [
    ...formed(tool_use_id, `${field}.tool_use_id`, CALL_ID),
    ...(content === undefined || content === null || typeof content === 'string' || Array.isArray(content)
      ? []
      : [
          {
            field: `${field}.content`,
            problem: 'is neither a text nor a list',
            valid: 'a text, or a list of text and image blocks',
          },
        ]),
    ...blocks.flatMap((block, index) => checkInner(block, `${field}.content[${index}]`)),
  ];
}

/** Blocks that belong in a message, never in a result. */
const OUTER = ['tool_use', 'tool_result', 'server_tool_use', 'thinking', 'redacted_thinking'];

/** Checks the content of a result as if it were in a message. */
function checkInner(block: unknown, field: string): Problem[] {
  const inner = isJsonObject(block) && typeof block.type === 'string' ? block.type : '';
  if (OUTER.includes(inner)) {
    const valid = 'blocks of type text, image, document, search_result, tool_reference';
    return [{ field, problem: `is a ${inner} block, which no result can hold`, valid }];
  }
  return ['text', 'image', 'document', 'search_result', 'image_url', 'input_image', ''].includes(inner)
    ? checkBlock(block, field, '')
    : [];
}

/** The texts and images of a document that is made of blocks. */
function checkParts({ source }: JsonObject, field: string): Problem[] {
  const content = isJsonObject(source) && source.type === 'content' ? source.content : undefined;
  const parts: unknown[] = Array.isArray(content) ? content : [];
  const isKnown = (part: unknown) =>
    isJsonObject(part) && (part.type === 'image' || (part.type === 'text' && typeof part.text === 'string'));
  return parts.every(isKnown)
    ? parts.flatMap((part, index) => checkBlock(part, `${field}.source.content[${index}]`, ''))
    : [];
}

function checkSearchResult({ content, source, title }: JsonObject, field: string): Problem[] {
  const isTexts =
    Array.isArray(content) &&
    content.length > 0 &&
    content.every((block: unknown) => isJsonObject(block) && block.type === 'text' && isText(block.text));
  return [
    ...required(source, `${field}.source`),
    ...required(title, `${field}.title`),
    ...(isTexts
      ? []
      : [{ field: `${field}.content`, problem: 'is not a list of text blocks', valid: `[${TEXT}]` }]),
  ];
}

function required(value: unknown, field: string): Problem[] {
  if (typeof value === 'string' && value !== '') return [];
  return [
    {
      field,
      problem: value === undefined ? 'is missing' : 'is not a text',
      valid: 'a text that is not empty',
    },
  ];
}
