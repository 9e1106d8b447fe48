import { count, counted } from '../../lib/numbers.ts';
import { readInput } from '../../operations/operation.ts';
import { type PruneReply, prune, removeOld } from '../../operations/prune.ts';
import { type Command, exitCode } from '../command.ts';
import { diskSize, table } from '../format.ts';
import { warn } from '../show.ts';
import type { Terminal } from '../terminal.ts';
import { declined, yesOption } from './spend.ts';

const DEFAULT_DAYS = 90;

export const pruneCommand: Command = {
  name: 'prune',
  summary: `remove batches older than ${DEFAULT_DAYS} days that have ended and were downloaded, after asking`,
  positional: [],
  operation: prune,
  options: [yesOption('remove without asking')],
  examples: ['batch-mcp prune --dry-run', 'batch-mcp prune --older-than-days 30 --yes'],
  async run(call) {
    const { context, terminal, args, options, json, waiting } = call;
    const given = readInput(prune.input, { older_than_days: DEFAULT_DAYS, ...args }, 'batch-mcp prune');
    const planned = await prune.run(context, { ...given, dry_run: true }, waiting);
    const isAsked = !given.dry_run && options.yes !== true && planned.batches.length > 0;
    if (!json || isAsked) show(terminal, planned, given.dry_run === true);
    if (isAsked && !(await terminal.confirm('Remove them for good?', waiting.signal)))
      return declined(
        call,
        terminal.canAsk
          ? 'Nothing was removed.'
          : 'Nothing was removed: there is no terminal to ask on. Add --yes to remove them.',
      );
    const agreed = new Set(planned.batches.map(({ batch_id }) => batch_id));
    const reply = given.dry_run ? planned : await removeOld(context, given, { ...waiting, agreed });
    if (json) terminal.print(JSON.stringify(reply, null, 2));
    else if (!given.dry_run && planned.batches.length > 0)
      terminal.print(
        `Removed ${counted(reply.batches.length, 'batch', 'batches')}, ${diskSize(reply.bytes)}.`,
      );
    return exitCode.done;
  },
};

/** What would be removed is the answer to a dry run; otherwise it goes with the question, to stderr. */
function show(terminal: Terminal, { batches, bytes, kept, warnings }: PruneReply, isDry: boolean): void {
  const say = (text: string) => (isDry ? terminal.print(text) : terminal.note(text));
  warn(terminal, warnings);
  if (batches.length === 0) {
    const others = `${counted(kept, 'batch is', 'batches are')} younger, unfinished, not downloaded or still needed`;
    terminal.note(kept === 0 ? 'Nothing to remove: there are no batches.' : `Nothing to remove; ${others}.`);
    return;
  }
  const columns = [
    { title: 'batch_id' },
    { title: 'created' },
    { title: 'size', right: true },
    { title: 'name', flexible: true },
  ];
  const rows = batches.map((batch) => [
    batch.batch_id,
    batch.created_at.slice(0, 10),
    diskSize(batch.bytes),
    batch.name,
  ]);
  say(table(columns, rows, terminal));
  say(
    `${counted(batches.length, 'batch', 'batches')}, ${diskSize(bytes)}${isDry ? ' would be removed' : ''}; ${count(kept)} ${kept === 1 ? 'stays' : 'stay'}.`,
  );
}
