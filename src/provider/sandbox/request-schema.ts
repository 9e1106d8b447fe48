import * as z from 'zod';

/**
 * What the API asks of a request, as far as the sandbox looks: the envelope when a batch is created, the
 * `params` while it is processed.
 */

const removed = z.undefined({ error: 'Extra inputs are not permitted' }).optional();
const text = z.string();

const content = z.union([text, z.array(z.looseObject({ type: text }))], {
  error: 'Input should be a string or a list of content blocks',
});

const message = z.looseObject({
  role: z.enum(['user', 'assistant', 'system'], { error: "Input should be 'user', 'assistant' or 'system'" }),
  content,
});

const params = z.looseObject({
  model: text.min(1, { error: 'String should have at least 1 character' }),
  max_tokens: z.int().min(1, { error: 'Input should be greater than or equal to 1' }),
  messages: z.array(message).min(1, { error: 'at least one message is required' }),
  system: content.optional(),
  thinking: z.looseObject({ type: text }).optional(),
  tools: z
    .array(
      z.looseObject({
        type: text.optional(),
        name: text.optional(),
        input_schema: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
  tool_choice: z.looseObject({ type: text, name: text.optional() }).optional(),
  output_config: z
    .looseObject({
      effort: text.nullish(),
      format: z.looseObject({ type: text, schema: z.record(z.string(), z.unknown()).optional() }).nullish(),
    })
    .nullish(),
  stream: z.literal(false, { error: 'streaming is not supported in a batch' }).optional(),
  temperature: removed,
  top_p: removed,
  top_k: removed,
});
export type Params = z.infer<typeof params>;

const countedParams = params.pick({ model: true, messages: true, system: true, output_config: true });
export type CountedParams = z.infer<typeof countedParams>;

/** The body of a request to count tokens. */
export function checkCounted(value: unknown): Checked<CountedParams> {
  return checked(countedParams.safeParse(value), '');
}

const envelope = z.object({
  custom_id: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, {
    error: "String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
  }),
  params: z.record(z.string(), z.unknown()),
});
export type Envelope = z.infer<typeof envelope>;

type Checked<T> = { ok: true; value: T } | { ok: false; problem: string };

/** A request as it is in the body; the problem names the field under `path`. */
export function checkEnvelope(value: unknown, path: string): Checked<Envelope> {
  return checked(envelope.safeParse(value), path);
}

/** A request's `params`, in the API's words where something is wrong. */
export function checkParams(value: unknown): Checked<Params> {
  return checked(params.safeParse(value), '');
}

function checked<T>(read: z.ZodSafeParseResult<T>, path: string): Checked<T> {
  if (read.success) return { ok: true, value: read.data };
  const issue = read.error.issues[0];
  const field = [path, ...(issue?.path ?? [])].filter((part) => part !== '').join('.');
  const missing = issue?.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return { ok: false, problem: `${field}: ${missing ? 'Field required' : (issue?.message ?? 'invalid')}` };
}
