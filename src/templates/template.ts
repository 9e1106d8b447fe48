import type { Problem } from '../errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Effort, Tier } from '../provider/models.ts';

/** A rendered input. */
export type Rendered = {
  /** The user turn's text. */
  prompt: string;
  /** Empty where there is none. */
  system: string;
  /** Present where the task type answers in structured output. */
  output_schema?: JsonObject;
  /** Replaces the type's own figures, where the input shows how long the answer will be. */
  max_tokens?: number;
  expected_output_tokens?: number;
};

/** What is known of a task type without an input. */
export type TemplateFacts = {
  readonly task_type: string;
  /** Part of the content hash: raised whenever its rendering changes; for one from a file, the file's hash. */
  readonly version: number | string;
  /** `max_tokens` of a task that sets none. */
  readonly max_tokens: number;
  /** Output tokens an answer is expected to take where nothing better is known. */
  readonly expected_output_tokens: number;
  /** Its default effort, on models that support it. */
  readonly effort?: Effort;
  /** Whether thinking gets room beyond `max_tokens`, where it counts towards them. */
  readonly has_room?: true;
};

/** How a task type turns a task's `input_data` into a request. */
export type Template = TemplateFacts & {
  readonly description: string;
  /** The field of `input_data` that it works on, which a row or a file can fill. */
  readonly material?: { field: string; isList?: true };
  /** The names of the places in its texts, filled from columns of a row or parts of a file's path. */
  readonly places?: readonly string[];
  /** Its prompt as the owner has written it. */
  readonly written?: string;
  /** The tier of tasks that don't choose one. */
  readonly tier?: Tier;
  /** The problems of an input; `field` is relative to the task, as in `input_data.logs`. */
  check(input: Readonly<Record<string, unknown>>): Problem[];
  /** Only called with input in which `check` found no problem. */
  render(input: Readonly<Record<string, unknown>>): Rendered;
};
