import type { Command as Commander } from 'commander';
import { BatchError } from '../errors.ts';

/** A command's name, its options with the values each may have, and the values of its argument. */
type Completed = {
  name: string;
  options: { long: string; choices: readonly string[] }[];
  choices: readonly string[];
};

function completed(program: Commander): Completed[] {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    options: command.options.flatMap(({ long, argChoices = [] }) =>
      long ? [{ long, choices: argChoices }] : [],
    ),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  }));
  // Commander keeps its own command out of the list.
  return [...commands, { name: 'help', options: [], choices: commands.map(({ name }) => name) }];
}

const longs = ({ options }: Completed) => options.map(({ long }) => long).join(' ');
const chosen = ({ options }: Completed) => options.filter(({ choices }) => choices.length > 0);

const scripts: Record<string, (commands: readonly Completed[]) => string> = {
  bash: (commands) => `_batch_mcp() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words="--help --version" values=
  if [ "$COMP_CWORD" -eq 1 ]; then values="${commands.map(({ name }) => name).join(' ')}"
  else case \${COMP_WORDS[1]} in
${commands
  .map((command) => {
    const values = chosen(command).map(({ long, choices }) => ` ${long}) values="${choices.join(' ')}" ;;`);
    return `    ${command.name}) words="${longs(command)}" values="${command.choices.join(' ')}"; case $previous in${values.join('')} esac ;;`;
  })
  .join('\n')}
  esac; fi
  [[ $current == -* ]] && values=$words
  COMPREPLY=($(compgen -W "$values" -- "$current"))
}
complete -o default -F _batch_mcp batch-mcp
`,
  zsh: (commands) => `#compdef batch-mcp
_batch_mcp() {
  if (( CURRENT == 2 )); then compadd ${commands.map(({ name }) => name).join(' ')}; return; fi
  if [[ $PREFIX == -* ]]; then case $words[2] in
${commands.map((command) => `    ${command.name}) compadd -- ${longs(command)} ;;`).join('\n')}
  esac; else case "$words[2] $words[CURRENT-1]" in
${commands
  .flatMap((command) => [
    ...chosen(command).map(
      ({ long, choices }) => `    '${command.name} ${long}') compadd ${choices.join(' ')} ;;`,
    ),
    ...(command.choices.length > 0
      ? [`    '${command.name} ${command.name}') compadd ${command.choices.join(' ')} ;;`]
      : []),
  ])
  .join('\n')}
    *) _files ;;
  esac; fi
}
compdef _batch_mcp batch-mcp
`,
  fish: (commands) =>
    commands
      .flatMap(({ name, options, choices }) => {
        const after = `complete -c batch-mcp -n "__fish_seen_subcommand_from ${name}"`;
        return [
          `complete -c batch-mcp -n __fish_use_subcommand -f -a ${name}`,
          ...(choices.length > 0 ? [`${after} -f -a "${choices.join(' ')}"`] : []),
          ...options.map(({ long, choices: values }) => {
            const may = values.length > 0 ? ` -x -a "${values.join(' ')}"` : '';
            return `${after} -l ${long.slice(2)}${may}`;
          }),
        ];
      })
      .join('\n')
      .concat('\n'),
};

export const shells = Object.keys(scripts);

/** The script that a shell sources to complete commands and options. Throws `invalid_input` for an unsupported shell. */
export function completionScript(shell: string, program: Commander): string {
  const script = scripts[shell];
  if (script !== undefined) return script(completed(program));
  throw new BatchError('invalid_input', `There is no completion for ${JSON.stringify(shell)}.`, {
    problems: [{ field: 'shell', problem: 'is not known', valid: shells.join(', ') }],
  });
}
