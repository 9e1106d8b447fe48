import { count, counted } from '../../lib/numbers.ts';
import { list } from '../../operations/list.ts';
import { readInput } from '../../operations/operation.ts';
import { type Command, exitCode } from '../command.ts';
import { dollars, table } from '../format.ts';
import { inCommands, printReply, warn } from '../show.ts';

const minuteOf = (time: string): string => time.slice(0, 16).replace('T', ' ');

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
    const code = reply.remote === null ? exitCode.failed : exitCode.done;
    if (json) {
      printReply(terminal, reply);
      return code;
    }
    const columns = [
      { title: 'batch_id' },
      { title: 'status' },
      { title: 'tasks', right: true },
      { title: 'cost', right: true },
      { title: 'created', dispensable: true },
      { title: 'name', flexible: true },
    ];
    const rows = reply.batches.map((batch) => [
      batch.batch_id,
      batch.processing_status,
      count(batch.request_count),
      batch.cost_usd === null ? '' : dollars(batch.cost_usd.actual ?? batch.cost_usd.expected),
      minuteOf(batch.created_at),
      batch.provider === 'sandbox' ? `${batch.name} (sandbox)` : batch.name,
    ]);
    if (rows.length > 0) terminal.print(table(columns, rows, terminal));
    if (reply.totals.batches === 0) terminal.note(inCommands(reply.next_step));
    if (reply.groups?.length) {
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
    if (reply.remote?.length) {
      terminal.print(
        `Made elsewhere, ${reply.remote.length} of ${count(reply.remote_count ?? reply.remote.length)} that the API lists:`,
      );
      const elsewhere = reply.remote.map(({ batch_id, processing_status, request_count, created_at }) => [
        batch_id,
        processing_status,
        count(request_count),
        minuteOf(created_at),
      ]);
      terminal.print(table(columns.slice(0, 3).concat({ title: 'created' }), elsewhere, terminal));
    }
    if (reply.next_cursor !== null) terminal.note(`There are more: --cursor ${reply.next_cursor}`);
    warn(terminal, reply.warnings);
    return code;
  },
};
