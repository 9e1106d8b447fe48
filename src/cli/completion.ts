import type { Command as Commander } from 'commander';
import { BatchError } from '../errors.ts';

/** A command's name and the options that can follow it. */
type Completed = { name: string; options: string[] };

const completed = (program: Commander): Completed[] =>
  program.commands.map((command) => ({
    name: command.name(),
    options: command.options.flatMap(({ long }) => (long ? [long] : [])),
  }));

const scripts: Record<string, (commands: readonly Completed[]) => string> = {
  bash: (commands) => `_batch_mcp() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(' ')}"
  else case \${COMP_WORDS[1]} in
${commands.map(({ name, options }) => `    ${name}) words="${options.join(' ')}" ;;`).join('\n')}
  esac; [[ $current == -* ]] || words=; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _batch_mcp batch-mcp
`,
  zsh: (commands) => `#compdef batch-mcp
_batch_mcp() {
  if (( CURRENT == 2 )); then compadd ${commands.map(({ name }) => name).join(' ')}; return; fi
  if [[ $PREFIX == -* ]]; then case $words[2] in
${commands.map(({ name, options }) => `    ${name}) compadd -- ${options.join(' ')} ;;`).join('\n')}
  esac; else _files; fi
}
compdef _batch_mcp batch-mcp
`,
  fish: (commands) =>
    commands
      .flatMap(({ name, options }) => [
        `complete -c batch-mcp -n __fish_use_subcommand -f -a ${name}`,
        ...options.map(
          (option) => `complete -c batch-mcp -n "__fish_seen_subcommand_from ${name}" -l ${option.slice(2)}`,
        ),
      ])
      .join('\n')
      .concat('\n'),
};

export const shells = Object.keys(scripts);

/** What a shell has to source to complete commands and options. Throws `invalid_input` for another shell. */
export function completionScript(shell: string, program: Commander): string {
  const script = scripts[shell];
  if (script !== undefined) return script(completed(program));
  throw new BatchError('invalid_input', `There is no completion for ${JSON.stringify(shell)}.`, {
    problems: [{ field: 'shell', problem: 'is not known', valid: shells.join(', ') }],
  });
}
