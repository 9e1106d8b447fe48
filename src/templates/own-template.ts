import type { Problem } from '../errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { JsonObject } from '../lib/json.ts';
import { ownName, ownValue, plainName } from '../lib/names.ts';
import { didYouMean } from '../lib/nearest.ts';
import type { Effort, Tier } from '../provider/models.ts';
import { promptWithInput } from './prompt.ts';
import type { Template } from './template.ts';

/** A task type of the owner's, as read: plain data, so that threads can have it too. */
export type OwnTemplate = {
  name: string;
  description: string;
  /** The file that it comes from. */
  file: string;
  prompt: string;
  system: string;
  /** The names of its places. */
  fields: string[];
  tier?: Tier;
  effort?: Effort;
  max_tokens?: number;
  output_schema?: JsonObject;
  /** The hash of the file, and of the schema's file where there is one. */
  hash: string;
};

type Input = Readonly<Record<string, unknown>>;

const PLACE = /\{\{([^{}]+)\}\}/g;

/**
 * Texts and numbers as written, anything else as JSON; null fills as nothing. Filled-in text is not searched again.
 */
function filled(text: string, input: Input): string {
  return text.replace(PLACE, (whole, inner: string) => {
    const name = plainName(inner);
    if (name === '') return whole;
    const value = reach(input, name) ?? '';
    return typeof value === 'string' ? value : stringifyExact(value);
  });
}

/** The value that a name stands for: the one under it, or, with dots, a nested one. */
function reach(input: Input, name: string): unknown {
  const own = ownValue(input, name);
  if (own !== undefined || !name.includes('.')) return own;
  let value: unknown = input;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    const key = ownName(value, part);
    if (key === undefined) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

const DEFAULT_TOKENS = 4096;
const EXPECTED_TOKENS = 800;

/** A task type that works as the built-in ones do. */
export function ownTemplate(own: OwnTemplate): Template {
  const { name, description, fields, prompt, system, tier, effort, output_schema, hash } = own;
  const [field, ...others] = fields;
  const max_tokens = own.max_tokens ?? DEFAULT_TOKENS;
  return {
    task_type: name,
    version: hash,
    description,
    places: fields,
    written: prompt,
    // A single field can only mean the text, or the one column there is.
    ...(field !== undefined && others.length === 0 && { material: { field } }),
    ...(tier && { tier }),
    ...(effort && { effort }),
    max_tokens,
    expected_output_tokens: Math.min(max_tokens, EXPECTED_TOKENS),
    check: (input) => fields.flatMap((each) => checkField(each, input, fields)),
    render: (input) => ({
      prompt: fields.length === 0 ? promptWithInput(prompt, input) : filled(prompt, input),
      system: filled(system, input),
      ...(output_schema && { output_schema }),
    }),
  };
}

function checkField(field: string, input: Input, fields: readonly string[]): Problem[] {
  if (reach(input, field) !== undefined) return [];
  const others = Object.keys(input).filter((key) => !fields.includes(key));
  const problem = `this field is required and is missing${didYouMean(field, others)}`;
  return [{ field: `input_data.${field}`, problem, valid: `what {{${field}}} of the task type stands for` }];
}
