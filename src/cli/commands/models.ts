import { count } from '../../lib/numbers.ts';
import { tiers } from '../../provider/models.ts';
import { type Command, exitCode } from '../command.ts';
import { dollars, table } from '../format.ts';

export const modelsCommand: Command = {
  name: 'models',
  summary: 'list the models: tiers, batch prices, limits, retirement dates',
  positional: [],
  examples: ['batch-mcp models'],
  async run({ context, terminal, json }) {
    const { catalog } = context;
    const rows = [...new Set(catalog.ids.map((id) => catalog.require(id)))];
    const listed = rows.map((model) => ({
      id: model.id,
      aliases: model.aliases,
      tier: tiers.find((tier) => catalog.forTier(tier).id === model.id) ?? null,
      batch_input_usd: model.prices.input * model.batch_factor,
      batch_output_usd: model.prices.output * model.batch_factor,
      context_tokens: model.context_tokens,
      max_output_tokens: model.max_output_tokens,
      retires: model.retires,
      not_retired_before: model.not_retired_before,
      refuses: model.refuses,
    }));
    if (json) {
      terminal.print(JSON.stringify({ prices_as_of: catalog.asOf, models: listed }, null, 2));
      return exitCode.done;
    }
    const columns = [
      { title: 'model' },
      { title: 'tier' },
      { title: 'in', right: true },
      { title: 'out', right: true },
      { title: 'context', right: true },
      { title: 'output', right: true },
      { title: 'retires', flexible: true },
    ];
    terminal.print(
      table(
        columns,
        listed.map((model) => [
          model.id,
          model.tier ?? '',
          dollars(model.batch_input_usd),
          dollars(model.batch_output_usd),
          count(model.context_tokens),
          count(model.max_output_tokens),
          lifeOf(model),
        ]),
        terminal,
      ),
    );
    terminal.note(`In and out: dollars per million tokens in a batch. Prices of ${catalog.asOf}.`);
    return exitCode.done;
  },
};

function lifeOf({
  retires,
  not_retired_before,
}: {
  retires: string | null;
  not_retired_before: string | null;
}): string {
  if (retires !== null) return retires;
  // Short enough for 80 columns.
  return not_retired_before === null ? '' : `after ${not_retired_before}`;
}
