import type { Problem } from '../errors.ts';
import { nearest, quoteName } from '../lib/nearest.ts';
import { asText, isEmpty, joined, otherFields, systemPrompt, tagged } from './prompt.ts';
import type { Template } from './template.ts';

type FieldTemplate = Pick<
  Template,
  'task_type' | 'version' | 'description' | 'max_tokens' | 'expected_output_tokens'
> & {
  /** The one field of `input_data` that holds the material. */
  field: string;
  valid: string;
  /** The question, as the last line of the user turn: models follow it best after long material. */
  request: string;
  /** What a good answer contains. */
  goodAnswer: string;
};

/** A task type that works on one required field; all other fields are added as context. */
function fieldTemplate({ field, valid, request, goodAnswer, ...facts }: FieldTemplate): Template {
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

/** The problem with a required field of `input_data` that is missing or empty, or none. */
export function checkRequired(
  input: Readonly<Record<string, unknown>>,
  field: string,
  valid: string,
): Problem[] {
  const where = { field: `input_data.${field}`, valid };
  const value = input[field];
  if (!isEmpty(value)) return [];
  if (value === undefined) {
    const mistyped = nearest(field, Object.keys(input));
    const hint = mistyped === undefined ? '' : `; ${quoteName(mistyped)} was given instead`;
    return [{ ...where, problem: `this field is required and is missing${hint}` }];
  }
  return [{ ...where, problem: value === null ? 'is null' : 'is empty' }];
}

export const analyzeLogs = fieldTemplate({
  task_type: 'analyze_logs',
  version: 1,
  description: 'Finds the issues in log text and their likely causes. input_data: logs.',
  max_tokens: 4096,
  expected_output_tokens: 900,
  field: 'logs',
  valid: 'log text, or a list or object of log entries',
  request: 'Analyze these logs.',
  goodAnswer: `You are an experienced site reliability engineer who analyzes logs. A good answer holds, in Markdown:
1. A summary in two or three sentences: how healthy the system is, and what matters most.
2. The issues, most severe first. Each with its severity (critical, high, medium, low), how often and when it occurs, one or two log lines as evidence, its likely cause, and what to do about it.
3. Patterns over time, and issues that seem to cause each other.
4. What the logs can't tell, and what to collect to find out.
Keep apart what the logs show and what you infer. Where nothing is wrong, say so in the summary and leave the rest out.`,
});

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

export const generateReport = fieldTemplate({
  task_type: 'generate_report',
  version: 1,
  description: 'Writes a report from data. input_data: data.',
  max_tokens: 4096,
  expected_output_tokens: 1000,
  field: 'data',
  valid: 'text, a number, or a list or object of data',
  request: 'Write the report on this data.',
  goodAnswer: `You are an analyst who writes reports for decision makers. A good answer holds, in Markdown:
1. A title and a summary of the main findings in at most five sentences.
2. The findings, most important first, each with the figures it rests on. Show how a derived figure (a change, a share, a total) comes about, and keep the units of the data. Use a table where figures are compared.
3. What the findings mean, and recommendations that follow from them, as far as the data carries them.
4. Limits: gaps, doubtful values, and what would be needed to say more.
Every figure is in the data or computed from it.`,
});

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
