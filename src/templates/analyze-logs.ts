import { fieldTemplate } from './field-template.ts';

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
