import { Command as Commander, Option } from 'commander';
import { flagsOf, type Setting } from '../config/define-setting.ts';
import { allSettings } from '../config/settings.ts';
import { hostsOnly } from '../lib/hosts-only.ts';
import { quoteName } from '../lib/nearest.ts';
import { batchShare } from '../provider/dialects.ts';
import { version } from '../version.ts';
import type { Command } from './command.ts';
import { type Argument, argumentsOf } from './options.ts';

/** What was typed: the command, and its options, grouped by what they belong to. */
export type Typed = {
  command: Command;
  given: (string | undefined)[];
  arguments: readonly Argument[];
  /** By the options' attribute names. */
  options: Record<string, unknown>;
  /** The flags of the settings, as the server takes them. */
  flags: string[];
  json: boolean;
};

const EXAMPLES = `
Examples:
  batch-mcp run tasks.jsonl answers.csv --sandbox      try it: made-up answers, free
  batch-mcp estimate tasks.jsonl                       what would it cost?
  batch-mcp submit tasks.jsonl --name reviews          send it, and close the laptop
  batch-mcp wait batch_01… answers.csv                 hours later: results into a file

Settings are flags or variables: batch-mcp serve --help lists them. Exit codes: 0 done, 1 failed, 2 wrong usage,
3 not ended yet, 4 some tasks failed, 130 interrupted (the batch goes on).
`;

/** The options that stand for a setting; a person's own ceiling is the setting, not an argument below it. */
function settingOptions(setting: Setting): Option[] {
  const { flag, type, list, help, shorthand } = setting;
  const value = type.name === null ? '' : ` <${type.name}${list ? '...' : ''}>`;
  return [
    ...(flag === undefined ? [] : [new Option(`--${flag}${value}`, help)]),
    ...(shorthand === undefined ? [] : [new Option(`--${shorthand.flag}`, shorthand.help)]),
  ].map((option) => option.helpGroup('Settings:'));
}

/** Commander gives texts for what takes a value, and a list of them for what takes several. */
const texts = (value: unknown): string[] =>
  [value].flat().filter((each): each is string => typeof each === 'string');

function typedFlags(options: readonly Option[], typed: Readonly<Record<string, unknown>>): string[] {
  return options.flatMap((option) => {
    const value = typed[option.attributeName()];
    if (value === undefined || option.long === undefined) return [];
    return value === true ? [option.long] : [option.long, ...texts(value)];
  });
}

/** `file` of `<file>`. */
const nameOf = (positional: string) => positional.slice(1, -1);

const flagNames = new Set(allSettings.flatMap(flagsOf));

/** The commands in commander's form; `run` receives what was typed. */
export function createProgram(commands: readonly Command[], run: (typed: Typed) => Promise<void>): Commander {
  const program = new Commander('batch-mcp')
    .description(
      `Bulk work at ${batchShare} the price on Anthropic's Message Batches API, for people and for AI agents.`,
    )
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this text')
    .helpCommand('help [command]', 'print this text, or what a command takes')
    // It quotes what it does not know, which may be an address in the wrong place.
    .configureOutput({ outputError: (text, write) => write(hostsOnly(text)) })
    .addHelpText('after', EXAMPLES);

  for (const command of commands) {
    const own = [...(command.options ?? [])];
    const known =
      command.operation === undefined
        ? []
        : argumentsOf(command.operation.input, command.positional.map(nameOf), (name) =>
            helpOf(command.name, name),
          );
    // An argument that a setting's flag means already.
    const args = known.filter(({ option }) => !flagNames.has(option.long ?? ''));
    const { shared } = command;
    for (const { name, option } of args) if (shared?.names.includes(name)) option.helpGroup(shared.heading);
    const forSettings = allSettings.filter(({ ofServer }) => !ofServer).flatMap(settingOptions);
    const sub = program
      .command([command.name, ...command.positional].join(' '))
      .description(command.summary)
      .helpOption('-h, --help', 'print this text')
      .option('--json', 'print one JSON document, and nothing else on stdout')
      .allowExcessArguments()
      .addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}\n`);
    if (command.values !== undefined) sub.registeredArguments[0]?.choices(command.values);
    for (const option of [...own, ...args.map((each) => each.option), ...forSettings]) sub.addOption(option);
    sub.action(async () => {
      const options = sub.opts();
      const excess = excessOf(command, sub.args, args, options);
      if (excess !== null) sub.error(`error: ${excess}`);
      const given = command.positional.map((_, index) => sub.args[index]);
      const flags = typedFlags(forSettings, options);
      await run({ command, given, arguments: args, options, flags, json: options.json === true });
    });
  }
  const serve = program
    .command('serve')
    .description(
      'run the MCP server on stdin and stdout, as an MCP client does (also without any command), or over HTTP with --http <[host:]port>',
    )
    .helpOption(false)
    .allowUnknownOption();
  // The server reads its flags by itself; these are for help and completion.
  for (const option of allSettings.flatMap(settingOptions)) serve.addOption(option);
  return program;
}

const EXCESS_SHOWN = 3;

/** What is left over of the words typed after a command, and what may have been meant; null where nothing is. */
function excessOf(
  { name, positional }: Command,
  words: readonly string[],
  known: readonly Argument[],
  typed: Readonly<Record<string, unknown>>,
): string | null {
  const excess = words.slice(positional.length);
  if (excess.length === 0) return null;
  const takes = positional.length === 0 ? 'no argument' : `only ${positional.join(' ')}`;
  const list = known.find(
    ({ kind, option }) => kind === 'text_or_json' && typed[option.attributeName()] !== undefined,
  );
  const hints = [
    list && `A list for ${list.option.long} is one word, JSON or the path of a file: '["a", "b"]'.`,
    known.some((argument) => argument.name === 'input_files') && 'Several files: --input-files a.md b.md.',
    'A value of several words needs quotes.',
  ];
  const [hint] = hints.filter((each) => typeof each === 'string');
  const shown = excess.slice(0, EXCESS_SHOWN).map(quoteName);
  const more = excess.length - shown.length;
  const left = `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return `${name} takes ${takes} without an option; left over: ${left}. ${hint}`;
}

/**
 * What options say at a terminal where the tools' own descriptions are too short, for those are bought with the context of
 * an agent: by the argument's name, or by the command's and its own.
 */
export const helps: Readonly<Record<string, string>> = {
  requests: 'Tasks given inline, at most 4 MB',
  id_column: 'Column of --rows-file that holds the ids; default: row_1, row_2, …',
  join_file: 'A second table, joined by --id-column',
  outcomes: 'Which answers of --from-batch to take; default: succeeded',
  split_chars: 'Splits longer --input-files at line ends into tasks of at most this many characters',
  system: "System prompt, in place of the task type's",
  model_tier: 'Which model, by tier; default: capable',
  model: 'Exact model id; wins over the tier',
  effort: "How hard the model thinks; default: low for labels, else the model's own",
  max_tokens: 'Longest answer, in tokens; a longer one is cut off',
  labels: 'A list of labels, or the path of one: each answer is {label}, one of them',
  expect: 'Compares answers with a column, as {"label": "category"}: key of the answer, column of the row',
  context_files: 'Documents put before every task',
  primer: 'Sends the first request alone, so that --context-files are cached for the rest',
  merge: 'Merges n items into one task ({{items}}) until one is left; or a column: one task per value',
  pack: 'How many rows share a request, or auto',
  variants:
    'Runs each task under each of these settings, as {"A": {prompt, model, …}, "B": {…}}; ids become id@A',
  work_id: 'Work that estimate has checked, in place of all the options above',
  name: 'A name to find the batch by',
  output_key: 'Writes only this key of each answer; a list gives a line per entry',
  retries: 'Sends failures again, up to 3 times, within the maximum',
  request_count: 'For an estimate without tasks: the number of requests',
  input_tokens_per_request: 'For an estimate without tasks: input tokens per request',
  output_tokens_per_request: 'Output tokens per request; with tasks too, where a pilot showed their length',
  task_ids: 'Only these tasks',
  fields: 'Only these fields of each answer, such as json.label',
  cursor: 'Continues after a page: the next_cursor from its --json',
  wait_seconds: 'Waits up to this many seconds for a change, at most 20',
  processing_status: 'Only batches with this status',
  name_contains: 'Only batches whose name contains this, in upper or lower case',
  user: 'Only batches of this user, where a team shares a database',
  since: 'Only batches created since this time, UTC: a date, a month, or 7d',
  until: 'Only batches created before this time, UTC',
  limit: 'How many batches; default: 20',
  include_remote: 'Also lists the newest batches that only the API knows',
  error_types: 'Only tasks that failed with these error types, as the results name them',
  dry_run: 'Says what would be sent again and what it would cost; sends nothing',
  'prune.older_than_days': 'Only batches created more than this many days ago',
  'prune.dry_run': 'Says what would be removed; removes nothing',
  'list.group_by': 'Adds up the dollars by one or two of these',
  'results.detail': 'How much to show; full adds model, usage, content, …',
  'results.outcomes': 'Only these outcomes; failed: all but succeeded and pending',
  'results.where': 'Only answers that match, as {"json.label": "x", "row.city": ["a", "b"]}',
  'results.search': 'Only answers that contain this text, in upper or lower case',
  'results.sample': 'This many of them, spread evenly',
  'results.limit': 'Answers per page; default: 50',
  'results.overwrite': 'Replaces a file that batch-mcp wrote and nobody has changed since',
  'retry.outcomes': 'Only tasks with these outcomes; failed: all of them',
  'retry.requests': 'Corrected tasks, whole, under their old ids; alone, only these are sent',
  'retry.system': 'New system prompt for all that is sent again',
  'retry.output_schema': 'New JSON Schema of the answer',
  'retry.model_tier': 'Model tier for all that is sent again',
  'retry.effort': 'How hard the model thinks, for all that is sent again',
  'retry.max_tokens': 'Longest answer, in tokens, for all that is sent again',
  'retry.model': 'Exact model id, for all that is sent again',
  'retry.replace': 'Sends tasks with a finished answer again too: pays for them again',
};

/** How `command` describes an argument as its option; undefined if the argument's own description will do. */
const helpOf = (command: string, argument: string): string | undefined =>
  helps[`${command}.${argument}`] ?? helps[argument];
