import { count } from '../../lib/numbers.ts';
import { type Command, exitCode } from '../command.ts';
import { table } from '../format.ts';

export const templatesCommand: Command = {
  name: 'templates',
  summary: 'list the task types that can be used as task_type',
  positional: [],
  examples: ['batch-mcp templates'],
  async run({ context, terminal, json }) {
    const listed = context.templates.names.flatMap((name) => {
      const found = context.templates.find(name);
      if (found.kind === 'mistyped') return [];
      const { task_type, description, max_tokens } = found.template;
      const own = context.templates.own.find((each) => each.name === name);
      return [{ task_type, description, max_tokens, file: own?.file ?? null }];
    });
    if (json) {
      terminal.print(JSON.stringify({ task_types: listed }, null, 2));
      return exitCode.done;
    }
    const columns = [
      { title: 'task_type' },
      { title: 'max_tokens', right: true },
      { title: 'from' },
      { title: 'what it does', flexible: true },
    ];
    const rows = listed.map((each) => [
      each.task_type,
      count(each.max_tokens),
      each.file ?? 'built in',
      each.description,
    ]);
    terminal.print(table(columns, rows, terminal));
    return exitCode.done;
  },
};
