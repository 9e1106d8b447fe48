import type { Problem } from '../errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Effort, Tier } from '../provider/models.ts';

/** What a task's input becomes. */
export type Rendered = {
  /** The user turn's text. */
  prompt: string;
  /** Empty where there is none. */
  system: string;
  /** Present where the task type answers in structured output. */
  output_schema?: JsonObject;
  /** In place of the type's own figures, where the input says how long the answer will be. */
  max_tokens?: number;
  expected_output_tokens?: number;
};

/** What is known of a task type before its input is. */
export type TemplateFacts = {
  readonly task_type: string;
  /** Part of the content hash: raised whenever what it renders changes; of one that stands in a file the file's hash. */
  readonly version: number | string;
  /** `max_tokens` of a task that sets none. */
  readonly max_tokens: number;
  /** Output tokens an answer is expected to take where nothing better is known. */
  readonly expected_output_tokens: number;
  /** What does for it where nobody asks for another, on models that have it. */
  readonly effort?: Effort;
  /** Whether thinking has room besides `max_tokens`, where it counts toward them. */
  readonly has_room?: true;
};

/** How a task type turns a task's `input_data` into a request. */
export type Template = TemplateFacts & {
  readonly description: string;
  /** The field of `input_data` that holds what it works on, which a row or a file can fill. */
  readonly material?: { field: string; isList?: true };
  /** The names that its texts have places for: columns of a row, or parts of a file's path, fill them. */
  readonly places?: readonly string[];
  /** Its prompt as the owner has written it. */
  readonly written?: string;
  /** The tier of tasks that choose none. */
  readonly tier?: Tier;
  /** What is wrong with this input; `field` is relative to the task, as in `input_data.logs`. */
  check(input: Readonly<Record<string, unknown>>): Problem[];
  /** Called only with input that `check` found nothing wrong with. */
  render(input: Readonly<Record<string, unknown>>): Rendered;
};
