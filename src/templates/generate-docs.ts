import { fieldTemplate } from './field-template.ts';

export const generateDocs = fieldTemplate({
  task_type: 'generate_docs',
  version: 1,
  description: 'Writes documentation for code. input_data: code.',
  max_tokens: 8192,
  expected_output_tokens: 1500,
  field: 'code',
  valid: 'source text, or an object of file names and their source text',
  request: 'Write the documentation of this code.',
  goodAnswer: `You are a technical writer who documents code for the developers who will use it. A good answer holds, in Markdown:
1. What the code is for, in a few sentences.
2. Each public function, class and type: its purpose, parameters and results with types and units, errors, and side effects.
3. A short example of typical use that would run against the code as it is.
4. What a user has to know beside that: assumptions, limits, surprising behaviour, and places that look like bugs, named as such.
Describe what the code does, even where its names or comments say otherwise. Do not document what only the inside needs.`,
});
