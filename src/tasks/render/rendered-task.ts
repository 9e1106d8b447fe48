import type { Problem } from '../../errors.ts';
import { stringifyExact } from '../../lib/exact-json.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Dialect, Params, PlainRequest, PromptSize, SharedRow } from '../../provider/dialect.ts';
import type { Effort, Model, ModelCatalog } from '../../provider/models.ts';
import type { Templates } from '../../templates/templates.ts';
import type { Awaited, AwaitedAnswer } from '../sources/source-row.ts';
import type { TaskDefaults } from '../task.ts';

/** A task as a request: its body, and what is known about it in advance. */
export type RenderedTask = {
  params: Params;
  /** How much the model has to read. */
  prompt: PromptSize;
  model: Model;
  max_tokens: number;
  expected_output_tokens: number;
  /** The task type, where the task has one. */
  task_type: string | undefined;
  /** The variant of the work's settings that it is asked under. */
  variant?: string;
  /** Whether the answer was asked for as JSON. */
  structured: boolean;
  /** How it was asked for, where it is JSON. */
  answer_schema: AnswerSchema | undefined;
  /** The requested region, where it affects the price. */
  inference_geo: string | null;
  /** Null where it is left to the model. */
  effort: Effort | null;
  /** Whether the model should think; null where that is left to it. */
  thinks: boolean | null;
  warnings: string[];
  /** The content by which it can share a request, where the work packs its tasks. */
  sharing?: Sharing;
  /** How many tasks share it; one where this is left out. */
  tasks?: number;
  /** What the content hash covers: the task before tiers are resolved, with what would change its meaning. */
  identity: unknown;
};

/** A JSON Schema as the caller gave it, or a task type has it. */
export type AnswerSchema = {
  schema: JsonObject;
  /** The field that holds it. */
  field: string;
  /** Whether that is one for all tasks. */
  isShared: boolean;
};

export type Rendering = { ok: true; rendered: RenderedTask } | { ok: false; problems: Problem[] };

export type Renderer = {
  templates: Templates;
  catalog: ModelCatalog;
  allowNetworkTools: boolean;
  /** The dialect of the provider that the requests go to. */
  dialect: Dialect;
  /** How many tasks may share a request. */
  pack?: number | undefined;
};

/** The content that a task has in common with others, by which it can share a request with them. */
export type Sharing = {
  /** The request without this task's own content. */
  request: Omit<PlainRequest, 'rows' | 'attachment'>;
  row: Omit<SharedRow, 'id'>;
  /** The size of a prompt, including content of this task that has not come yet. */
  withAwaited(size: PromptSize): PromptSize;
};

const BYTES_PER_TOKEN = 4;
/**
 * The bound of a text's tokens is up to so many times what its model counted when it wrote it: 1.4 to 1.7 times on prose, code
 * and JSON, more on other scripts.
 */
const BOUND_PER_TOKEN = 2;

/** Of the tag round an answer that is merged with others. */
const TAG_TOKENS = 40;

/** Places that an answer fills. */
const ANSWER = /\{\{\s*(text|json|items)\b/g;

/** The size of a prompt with the answer in it that is not there yet, as often as it is asked for. */
export function withAwaited(
  size: PromptSize,
  awaited: Awaited | undefined,
  { prompt = '', input_data = {} }: TaskDefaults,
  own: AwaitedAnswer,
): PromptSize {
  if (awaited === undefined) return size;
  const answers = awaited.kind === 'own' ? awaited.answers : 1;
  const each = awaited.kind === 'own' ? own : awaited;
  const places = `${prompt}${stringifyExact(input_data)}`.match(ANSWER)?.length ?? 0;
  const times = Math.max(1, places);
  const most = times * answers * (each.maximum_tokens * BOUND_PER_TOKEN + TAG_TOKENS);
  const { outside } = size;
  return {
    ...size,
    bytes: size.bytes + times * answers * each.expected_tokens * BYTES_PER_TOKEN,
    most_tokens: size.most_tokens + most,
    outside: outside && { ...outside, rest_tokens: outside.rest_tokens + most },
  };
}
