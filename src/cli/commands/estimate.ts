import { BatchError } from '../../errors.ts';
import { count, counted } from '../../lib/numbers.ts';
import { shellWord } from '../../lib/shell-word.ts';
import { type EstimateReply, estimate, estimateSubmission } from '../../operations/estimate.ts';
import { readInput } from '../../operations/operation.ts';
import { patience } from '../../operations/wait.ts';
import { type Call, type Command, exitCode } from '../command.ts';
import { dollars, table } from '../format.ts';
import { optionOf } from '../options.ts';
import { costText, facts, printReply, reusedText, warn } from '../show.ts';
import { openSource, splitGiven } from '../source.ts';
import { printable, type Terminal } from '../terminal.ts';
import { yesOption } from './spend.ts';

/** What a table or files gave, as `3 files; skipped: 1 empty`. */
function matchedText(matched: EstimateReply['matched']): string | null {
  if (matched === undefined) return null;
  const { rows, files, parts, answers, columns, skipped } = matched;
  const given = [
    ...(rows === undefined ? [] : [counted(rows, 'row')]),
    ...(files === undefined ? [] : [counted(files, 'file')]),
    ...(parts === undefined ? [] : [counted(parts, 'part')]),
    ...(answers === undefined ? [] : [counted(answers, 'answer')]),
    ...(columns === undefined ? [] : [`columns ${columns.join(', ')}`]),
  ];
  return [given.join(', '), ...(skipped ? [`skipped: ${skipped}`] : [])].join('; ');
}

/** What tasks are sent under, each with what that costs. */
function showShares({ by_model, by_variant }: EstimateReply, terminal: Terminal): void {
  const shares = by_variant
    ? by_variant.map(({ variant, ...figures }) => ({ name: variant, ...figures }))
    : by_model.map(({ model, ...figures }) => ({ name: model, ...figures }));
  if (shares.length < 2) return;
  const columns = [
    { title: by_variant ? 'variant' : 'of which', flexible: true },
    { title: 'tasks', right: true },
    ...moneyColumns,
  ];
  const rows = shares.map(({ name, request_count, expected, maximum }) => [
    name,
    count(request_count),
    dollars(expected),
    dollars(maximum),
  ]);
  terminal.print('');
  terminal.print(table(columns, rows, terminal));
}

/** The file that `run` would write, which may be named once. Throws `invalid_input`. */
function outputOf({ output_file }: Call['args'], output: string | undefined): string | undefined {
  if (output === undefined || output_file === undefined) return output;
  throw new BatchError('invalid_input', 'The output is named twice.', {
    problems: [
      { field: '--output-file', problem: `is given together with ${output}`, valid: 'one of the two' },
    ],
  });
}

const moneyColumns = [
  { title: 'expected', right: true },
  { title: 'at most', right: true },
];

const known = estimateSubmission.input.extend(patience.shape);

/** Arguments that change nothing in the work itself. */
const ofOthers = Object.keys(known.shape).filter((name) => !(name in estimate.input.shape));

export const estimateCommand: Command = {
  name: 'estimate',
  summary: 'check tasks and say what they would cost; sends and costs nothing',
  positional: ['[file]', '[output]'],
  operation: { input: known },
  shared: { heading: 'Options of submit and run, so that the same line works for all:', names: ofOthers },
  options: [yesOption('accepted and ignored: nothing is asked here')],
  examples: [
    'batch-mcp estimate tasks.jsonl',
    'batch-mcp estimate --request-count 1000 --input-tokens-per-request 500 --output-tokens-per-request 200',
  ],
  async run(call) {
    const { context, terminal, json, waiting } = call;
    const { poll_interval, timeout, ...args } = call.args;
    const { file, rest } = splitGiven(call);
    const output = outputOf(args, rest[0]);
    const source = await openSource(file, call);
    try {
      const work = { output_file: output, ...args, ...source.args };
      const input = readInput(estimateSubmission.input, work, 'batch-mcp estimate');
      const reply = await estimateSubmission.run(context, input, waiting);
      const isRun = output !== undefined || poll_interval !== undefined || timeout !== undefined;
      if (isRun) terminal.note('Nothing is sent, waited for or written here: batch-mcp run does that.');
      if (json) {
        printReply(terminal, reply);
        return exitCode.done;
      }
      facts(terminal, [
        ['Requests', count(reply.request_count)],
        ['Source', matchedText(reply.matched)],
        ['Taken over', reusedText(reply.reused)],
        ['Cost', costText(reply.cost_usd)],
        ['Not in a batch', `${dollars(reply.standard_cost_usd)}, so it saves ${dollars(reply.savings_usd)}`],
        ['Rests on', reply.rests_on],
        ['Prices of', reply.prices_as_of],
      ]);
      showShares(reply, terminal);
      const columns = [{ title: 'all on' }, { title: 'tier' }, ...moneyColumns];
      const rows = reply.compare.map(({ model, model_tier, expected, maximum }) => [
        model,
        model_tier,
        dollars(expected),
        dollars(maximum),
      ]);
      terminal.print('');
      terminal.print(table(columns, rows, terminal));
      if (reply.preview !== null) {
        terminal.print('');
        terminal.print(terminal.style('dim', 'The first request:'));
        terminal.print(printable(reply.preview));
      }
      for (const advice of reply.advice) terminal.note(advice);
      warn(terminal, reply.warnings);
      if (reply.work_id !== undefined && file !== '-') {
        const target = isRun ? (output ?? args.output_file) : undefined;
        const how = `${isRun ? 'run' : 'submit'} --work-id ${reply.work_id}`;
        const into = typeof target === 'string' ? ` ${shellWord(target)}` : '';
        const beside = ofOthers.filter(
          (name) => name !== 'work_id' && !(isRun && name === 'output_file') && call.args[name] !== undefined,
        );
        const again = beside.length === 0 ? '' : `, with ${beside.map(optionOf).join(', ')} as here`;
        terminal.note(`Send it as it is: batch-mcp ${how}${into}${again}`);
      }
      return exitCode.done;
    } finally {
      await source.discard();
    }
  },
};
