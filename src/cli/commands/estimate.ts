import { count } from '../../lib/numbers.ts';
import { type EstimateReply, estimate } from '../../operations/estimate.ts';
import { readInput } from '../../operations/operation.ts';
import { type Command, exitCode } from '../command.ts';
import { dollars, table } from '../format.ts';
import { costText, facts, warn } from '../show.ts';
import { openSource, splitGiven } from '../source.ts';

const reusedFacts = ({ reused }: EstimateReply): [string, string][] =>
  reused
    ? [['Answered', `${count(reused.count)} of them by the pilot ${reused.batch_id}, and not paid again`]]
    : [];

export const estimateCommand: Command = {
  name: 'estimate',
  summary: 'check tasks and say what they would cost; sends and costs nothing',
  positional: ['[file]'],
  operation: estimate,
  examples: [
    'batch-mcp estimate tasks.jsonl',
    'batch-mcp estimate --request-count 1000 --input-tokens-per-request 500 --output-tokens-per-request 200',
  ],
  async run(call) {
    const { context, terminal, args, json, waiting, stdin } = call;
    const { file } = splitGiven(call);
    const source = await openSource(file, stdin);
    try {
      const input = readInput(estimate.input, { ...args, ...source.args }, 'batch-mcp estimate');
      const reply = await estimate.run(context, input, waiting);
      if (json) {
        terminal.print(JSON.stringify(reply, null, 2));
        return exitCode.done;
      }
      facts(terminal, [
        ['Requests', count(reply.request_count)],
        ...reusedFacts(reply),
        ['Cost', costText(reply.cost_usd)],
        ['Not in a batch', `${dollars(reply.standard_cost_usd)}, so it saves ${dollars(reply.savings_usd)}`],
        ['Rests on', reply.rests_on],
        ['Prices of', reply.prices_as_of],
      ]);
      const columns = [
        { title: 'model' },
        { title: 'tier' },
        { title: 'expected', right: true },
        { title: 'at most', right: true },
      ];
      const rows = reply.compare.map(({ model, model_tier, expected, maximum }) => [
        model,
        model_tier,
        dollars(expected),
        dollars(maximum),
      ]);
      terminal.print('');
      terminal.print(table(columns, rows, terminal));
      for (const advice of reply.advice) terminal.note(advice);
      warn(terminal, reply.warnings);
      if (reply.work_id !== undefined && file !== '-') {
        terminal.note(`Send it as it is: batch-mcp submit --work-id ${reply.work_id}`);
      }
      return exitCode.done;
    } finally {
      await source.discard();
    }
  },
};
