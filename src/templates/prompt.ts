import { joined, otherFields } from './input-text.ts';
import type { TemplateFacts } from './template.ts';

/** What holds for a task that gives its prompt itself: it is sent as it is, under no system prompt of ours. */
export const ownPrompt: TemplateFacts = {
  task_type: 'prompt',
  version: 1,
  max_tokens: 4096,
  expected_output_tokens: 800,
};

/** The caller's prompt, then every field of the input as context. */
export function promptWithInput(prompt: string, input: Readonly<Record<string, unknown>>): string {
  return joined(prompt, ...otherFields(input, []));
}
