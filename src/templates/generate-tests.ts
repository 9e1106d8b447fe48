import { fieldTemplate } from './field-template.ts';

export const generateTests = fieldTemplate({
  task_type: 'generate_tests',
  version: 1,
  description: 'Writes unit tests for code. input_data: code.',
  max_tokens: 8192,
  expected_output_tokens: 2000,
  field: 'code',
  valid: 'source text, or an object of file names and their source text',
  request: 'Write the unit tests of this code.',
  goodAnswer: `You are an experienced engineer who writes unit tests. A good answer holds:
1. One complete test file in a code block that runs as it is, in the language of the code, with the test framework that the input names, else the usual one for the language.
2. Tests of the normal cases, the edges (empty, smallest, largest, null, odd characters) and each error that the code raises. One behaviour per test, named by what it shows; tables where cases differ only in values.
3. After the code block, in a short list: behaviour that you could not test and why, and bugs that the tests bring to light.
Test behaviour that the code shows to its callers, not how it is built. Each assertion must be able to fail. Expect what the code should do; where it plainly does something else, keep the right expectation and say so in the list.`,
});
