import * as z from 'zod';
import { parseExact, plainNumbers, stringifyExact } from '../../../lib/exact-json.ts';
import { isJsonObject } from '../../../lib/json.ts';
import type { ContextDocument, Params, PlainRequest, RequestFacts } from '../../dialect.ts';
import { efforts } from '../../models.ts';
import { fileBlock, sharedTurn } from './shared-request.ts';

/** The body of a create: `{"requests":[{custom_id, params}, …]}`. */
export const bodyForm = { head: '{"requests":[', between: ',', tail: ']}' } as const;

const cacheControl = { cache_control: { type: 'ephemeral', ttl: '1h' } } as const;
/** As it follows another key of a block; within a text its quotes would be escaped. */
export const cacheMark = `,${JSON.stringify(cacheControl).slice(1, -1)}`;

export function encodeRequest(custom_id: string, params: Params): string {
  return stringifyExact({ custom_id, params });
}

const written = z.object({ custom_id: z.string(), params: z.record(z.string(), z.unknown()) });

/** Null for anything but a request, as the parser's own message would quote it. Numbers in the params stay as they were written. */
export function decodeRequest(text: string): { id: string; params: Params } | null {
  let value: unknown;
  try {
    value = parseExact(text).value;
  } catch {
    return null;
  }
  const request = written.safeParse(value);
  if (!request.success) return null;
  const { custom_id: id, params } = request.data;
  return { id, params: { ...params, max_tokens: plainNumbers(params.max_tokens) } };
}

/** A request in somebody else's notation keeps it, unless its id can't be found in it without parsing. */
export function renameRequest(text: string, id: string): string | null {
  const request = decodeRequest(text);
  if (request === null) return null;
  const head = `{"custom_id":"${request.id}"`;
  const renamed = `{"custom_id":"${id}"${text.slice(head.length)}`;
  return text.startsWith(head) && decodeRequest(renamed)?.id === id
    ? renamed
    : encodeRequest(id, request.params);
}

/** The params of a single prompt. */
export function renderParams(request: PlainRequest): Params {
  const {
    model,
    max_tokens,
    system,
    prompt,
    context = [],
    cached = false,
    attachment,
    rows,
    output_schema,
    effort,
  } = request;
  // Files come before the prompt: models follow instructions best after the material (vision and PDF documentation).
  const documents = context.map(documentBlock);
  const last = documents.length - 1;
  const shared = cached
    ? documents.map((block, index) => (index === last ? { ...block, ...cacheControl } : block))
    : documents;
  const files = [...shared, ...(attachment ? [fileBlock(attachment)] : [])];
  const output_config = {
    ...(effort && { effort }),
    ...(output_schema && { format: { type: 'json_schema', schema: output_schema } }),
  };
  return {
    model,
    max_tokens,
    ...(system !== '' && { system }),
    messages: [{ role: 'user', content: contentOf(files, prompt, rows) }],
    ...(Object.keys(output_config).length > 0 && { output_config }),
  };
}

function contentOf(files: readonly object[], prompt: string, rows: PlainRequest['rows']): unknown {
  if (rows !== undefined) return [...files, ...sharedTurn(prompt, rows)];
  return files.length === 0 ? prompt : [...files, { type: 'text', text: prompt }];
}

/** What the user said last; all texts if there are several, such as a document's title and the prompt. */
export function lastPrompt({ messages }: Params): string {
  const turns = Array.isArray(messages)
    ? messages.filter((each) => isJsonObject(each) && each.role === 'user')
    : [];
  const turn: unknown = turns.at(-1);
  const content = isJsonObject(turn) ? turn.content : undefined;
  if (!Array.isArray(content)) return typeof content === 'string' ? content : '';
  return content
    .flatMap((block: unknown) => (isJsonObject(block) && typeof block.text === 'string' ? [block.text] : []))
    .join('\n');
}

function documentBlock(document: ContextDocument): object {
  const { name: title } = document;
  if ('text' in document) {
    return {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: document.text },
      title,
    };
  }
  const { attachment } = document;
  return attachment.kind === 'pdf' ? { ...fileBlock(attachment), title } : fileBlock(attachment);
}

/** Where a schema is. The second place is that of the beta, before formats were generally available. */
const FORMATS = [
  {
    field: 'output_config.format',
    of: ({ output_config }: Params) => isJsonObject(output_config) && output_config.format,
  },
  { field: 'output_format', of: ({ output_format }: Params) => output_format },
];

function answerSchemaOf(params: Params): RequestFacts['answer_schema'] {
  for (const { field, of } of FORMATS) {
    const format = of(params);
    if (isJsonObject(format) && format.type === 'json_schema' && isJsonObject(format.schema))
      return { schema: format.schema, field: `${field}.schema` };
  }
  return null;
}

export function factsOf(params: Params): RequestFacts {
  const { model, max_tokens, inference_geo, output_config, thinking } = params;
  const effort = isJsonObject(output_config) ? output_config.effort : undefined;
  const how = isJsonObject(thinking) ? thinking.type : undefined;
  return {
    model: typeof model === 'string' ? model : null,
    max_tokens: typeof max_tokens === 'number' ? max_tokens : null,
    answer_schema: answerSchemaOf(params),
    inference_geo: typeof inference_geo === 'string' ? inference_geo : null,
    effort: efforts.find((each) => each === effort) ?? null,
    thinks: how === undefined ? null : how !== 'disabled',
  };
}
