import { asText, joined, otherFields, tagged } from './input-text.ts';
import { checkRequired } from './required-field.ts';
import { systemPrompt } from './system-prompt.ts';
import type { Template } from './template.ts';

type FieldTemplate = Pick<
  Template,
  'task_type' | 'version' | 'description' | 'max_tokens' | 'expected_output_tokens'
> & {
  /** The one field of `input_data` that holds the material. */
  field: string;
  valid: string;
  /** What is asked, as the last line of the user turn: models follow it best after long material. */
  request: string;
  /** What a good answer holds. */
  goodAnswer: string;
};

/** A task type that works on one required field; all other fields go along as context. */
export function fieldTemplate({ field, valid, request, goodAnswer, ...facts }: FieldTemplate): Template {
  const system = systemPrompt(goodAnswer);
  return {
    ...facts,
    has_room: true,
    material: { field },
    check: (input) => checkRequired(input, field, valid),
    render: (input) => ({
      system,
      prompt: joined(...otherFields(input, [field]), tagged(field, asText(input[field])), request),
    }),
  };
}
