import { Command as Commander, Option } from 'commander';
import { flagsOf, type Setting } from '../config/define-setting.ts';
import { allSettings } from '../config/settings.ts';
import { batchShare } from '../provider/dialects.ts';
import { version } from '../version.ts';
import type { Command } from './command.ts';
import { type Argument, argumentsOf } from './options.ts';

/** What was typed: the command, and its options by whose they are. */
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

/** The commands as commander knows them; `run` is told what was typed. */
export function createProgram(commands: readonly Command[], run: (typed: Typed) => Promise<void>): Commander {
  const program = new Commander('batch-mcp')
    .description(
      `Bulk work at ${batchShare} the price on Anthropic's Message Batches API, for people and for AI agents.`,
    )
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this text')
    .helpCommand(false)
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
      .addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}\n`);
    for (const option of [...own, ...args.map((each) => each.option), ...forSettings]) sub.addOption(option);
    sub.action(async () => {
      const options = sub.opts();
      const given = command.positional.map((_, index) => sub.args[index]);
      const flags = typedFlags(forSettings, options);
      await run({ command, given, arguments: args, options, flags, json: options.json === true });
    });
  }
  program
    .command('serve')
    .description(
      'run the MCP server on stdin and stdout, as an MCP client does (also without any command), or over HTTP with --http <[host:]port>',
    )
    .helpOption(false)
    .allowUnknownOption();
  return program;
}

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
const helpOf = (command: string, argument: string): string | undefined =>
  helps[`${command}.${argument}`] ?? helps[argument];
