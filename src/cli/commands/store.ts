import { Option } from 'commander';
import { openMovable } from '../../config/open-movable.ts';
import { BatchError } from '../../errors.ts';
import { count, counted } from '../../lib/numbers.ts';
import { listingSummary } from '../../operations/list/listing.ts';
import { isBeingSent } from '../../state/status.ts';
import type { Movable } from '../../store/moving/movable.ts';
import { type Moved, moveStore, undoMove } from '../../store/moving/move-store.ts';
import type { Call, Command } from '../command.ts';
import { type ExitCode, exitCode } from '../command.ts';

const PLACE = 'a data folder, or the address of a database; by default the store of the settings';

export const storeCommand: Command = {
  name: 'store',
  summary: 'copy: move everything to another store, verified; undo: drop a copy that did not finish',
  positional: ['<action>'],
  values: ['copy', 'undo'],
  options: [
    new Option('--from <store>', `what is moved: ${PLACE}`),
    new Option('--to <store>', `where to: ${PLACE}`),
    new Option('--take-over', 'take over the copy that another machine began, now certainly gone'),
  ],
  examples: [
    'batch-mcp store copy --from ~/.local/share/batch-mcp',
    'batch-mcp store copy --to ~/.local/share/batch-mcp',
    'batch-mcp store undo --from ~/.local/share/batch-mcp',
  ],
  async run(call) {
    const [action] = call.given;
    const [from, to] = [textOf(call.options.from), textOf(call.options.to)];
    if (action === 'undo') return withStore(call, from, (source) => undo(call, source));
    return withStore(call, from, (source) => withStore(call, to, (target) => copy(call, source, target)));
  },
};

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined);

async function withStore(
  { config, context }: Call,
  given: string | undefined,
  work: (store: Movable) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { store, close } = await openMovable(given, config, context.log);
  try {
    return await work(store);
  } finally {
    await close();
  }
}

async function copy(call: Call, from: Movable, to: Movable): Promise<ExitCode> {
  const { terminal, json, options, waiting } = call;
  if (from.place === to.place)
    throw new BatchError('invalid_input', `Name two stores, with --from and --to: both are ${from.place}.`);
  const moved = await moveStore(from, to, {
    isBusy: isBeingSent,
    takeOver: options.takeOver === true,
    signal: waiting.signal,
    onProgress: (done, total) =>
      terminal.progress(`${count(done)} of ${counted(total, 'batch', 'batches')}`, 'copying …'),
  });
  terminal.progress('preparing the lists …', 'preparing the lists …');
  // The move is done: a list that can't be prepared is only slow.
  await to
    .summarize(listingSummary)
    .catch((error: unknown) => call.context.log('warn', `The lists could not be prepared: ${String(error)}`));
  terminal.clear();
  if (json) terminal.print(JSON.stringify({ from: from.place, to: to.place, ...copiedOf(moved) }, null, 2));
  else terminal.print(`${told(moved)} ${to.place} serves them now, and ${from.place} no longer does.`);
  return exitCode.done;
}

const copiedOf = (moved: Moved) => (moved === 'already moved' ? { already_moved: true } : moved);

function told(moved: Moved): string {
  if (moved === 'already moved') return 'All of it was moved before.';
  const { batches, blobs, bytes, registers } = moved;
  return `${counted(batches, 'batch', 'batches')} moved and checked: ${count(Math.ceil(bytes / 1e6))} MB in ${count(blobs)} blobs, ${count(registers)} registers.`;
}

async function undo({ terminal, json }: Call, from: Movable): Promise<ExitCode> {
  const isUndone = await undoMove(from);
  const said = isUndone
    ? 'The copy was undone, and this store serves its batches again.'
    : 'There was nothing to undo.';
  if (json) terminal.print(JSON.stringify({ store: from.place, undone: isUndone }, null, 2));
  else terminal.print(`${from.place}: ${said}`);
  return exitCode.done;
}
