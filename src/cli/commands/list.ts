import { count, counted } from '../../lib/numbers.ts';
import { list } from '../../operations/list.ts';
import { readInput } from '../../operations/operation.ts';
import { type Command, exitCode } from '../command.ts';
import { dollars, table } from '../format.ts';
import { warn } from '../show.ts';

export const listCommand: Command = {
  name: 'list',
  summary: 'list the batches of this computer, newest first, and what was spent',
  positional: [],
  operation: list,
  examples: [
    'batch-mcp list',
    'batch-mcp list --processing-status in_progress',
    'batch-mcp list --group-by month',
    'batch-mcp list --group-by month model',
  ],
  async run({ context, terminal, args, json, waiting }) {
    const reply = await list.run(context, readInput(list.input, args, 'batch-mcp list'), waiting);
    if (json) {
      terminal.print(JSON.stringify(reply, null, 2));
      return exitCode.done;
    }
    const columns = [
      { title: 'batch_id' },
      { title: 'status' },
      { title: 'tasks', right: true },
      { title: 'cost', right: true },
      { title: 'created' },
      { title: 'name', flexible: true },
    ];
    const rows = reply.batches.map((batch) => [
      batch.batch_id,
      batch.processing_status,
      count(batch.request_count),
      batch.cost_usd === null ? '' : dollars(batch.cost_usd.actual ?? batch.cost_usd.expected),
      batch.created_at.slice(0, 16).replace('T', ' '),
      batch.provider === 'sandbox' ? `${batch.name} (sandbox)` : batch.name,
    ]);
    if (rows.length > 0) terminal.print(table(columns, rows, terminal));
    else terminal.note('No batch is here yet. Begin with: batch-mcp submit tasks.json --sandbox');
    if (reply.groups !== undefined) {
      const spent = reply.groups.map(({ group, batches, requests, actual_usd }) => [
        [group]
          .flat()
          .map((name) => name ?? '(none)')
          .join(', '),
        count(batches),
        count(requests),
        dollars(actual_usd),
      ]);
      const heads = [
        { title: 'group', flexible: true },
        { title: 'batches', right: true },
      ];
      terminal.print(
        table(
          [...heads, { title: 'requests', right: true }, { title: 'spent', right: true }],
          spent,
          terminal,
        ),
      );
    }
    const { totals } = reply;
    terminal.print(
      `${counted(totals.batches, 'batch', 'batches')}, ${counted(totals.requests, 'request')}, ${dollars(totals.actual_usd)} spent`,
    );
    if (reply.next_cursor !== null) terminal.note(`There are more: --cursor ${reply.next_cursor}`);
    warn(terminal, reply.warnings);
    return exitCode.done;
  },
};
