import { fieldTemplate } from './field-template.ts';

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
