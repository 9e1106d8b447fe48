/**
 * What options say at a terminal where the tools' own descriptions are too short, for those are bought with the context of
 * an agent: by the argument's name, or by the command's and its own.
 */
export const helps: Readonly<Record<string, string>> = {
  outcomes: 'Outcomes of answers in --from-batch, in place of succeeded alone',
  split_chars: 'Cuts longer files of --input-files at line ends into tasks of so many characters',
  id_column: 'Column of --rows-file with the ids; else row_1, …',
  join_file: 'A second table, joined by --id-column',
  context_files: 'Documents before every task',
  primer: 'Sends the first request alone, so that --context-files are cached for the rest',
  max_tokens: 'How long an answer may be at most, in tokens; it is cut off there',
  work_id: 'What estimate has checked, in place of all above',
  effort: "How much is thought; default: low for labels, else the model's own",
  model_tier: 'Default: capable',
  output_key: 'Only that key of the answers; where it holds a list, a line per entry',
  request_count: 'Without tasks: how many requests',
  input_tokens_per_request: 'Without tasks: tokens of a request',
  output_tokens_per_request: 'Tokens of an answer; with tasks too, where a pilot has told',
  requests: 'Tasks inline, at most 4 MB',
  task_ids: 'Only these tasks',
  fields: 'Only these of each answer, as json.label',
  cursor: 'Goes on where a page ended: the next_cursor of its --json',
  wait_seconds: 'Waits so long for a change, at most 20',
  processing_status: 'Only batches that are so',
  name_contains: 'Only batches whose name has this, in any case',
  user: 'Only batches of this user, where a team shares a database',
  limit: 'So many batches; default: 20',
  error_types: 'Only tasks that failed with these types, as the results have them',
  system: "In place of the task type's system prompt",
  model: 'Exact model id; wins over the tier',
  dry_run: 'Only says what would be sent again and what that costs; sends nothing',
  'prune.dry_run': 'Only says what would be removed',
  'results.outcomes': 'Only these outcomes; failed: all but succeeded',
  'results.limit': 'Answers per page; default: 50',
  'retry.outcomes': 'Only tasks with these outcomes; failed: all of them',
  'retry.requests': 'Corrected whole tasks under their old ids; alone, only these are sent',
  'retry.system': 'New system prompt for all that is sent again',
  'retry.output_schema': 'New JSON Schema of the answer',
  'retry.model_tier': 'For all that is sent again',
  'retry.effort': 'For all that is sent again',
  'retry.max_tokens': 'For all that is sent again: how long an answer may be at most, in tokens',
  'retry.model': 'Exact model id, for all that is sent again',
};

/** What is said of an argument as an option of `command`; undefined where its own description does. */
export const helpOf = (command: string, argument: string): string | undefined =>
  helps[`${command}.${argument}`] ?? helps[argument];
