import { readOutputHistory } from '../../cost/output-history.ts';
import type { Context } from '../../state/context.ts';
import type { LiveModels } from '../../tasks/live-models.ts';
import type { Preparation } from '../../tasks/prepare.ts';

/** What preparing work goes by today, with what is known of the models. */
export async function preparationOf(
  context: Context,
  { work, provider, account, signal }: Pick<Preparation, 'work' | 'provider' | 'account' | 'signal'>,
  known: LiveModels,
): Promise<Preparation> {
  const today = context.now().toISOString().slice(0, 10);
  const knownOutput = await readOutputHistory(context);
  const catalog = context.catalog.withLive(known);
  return { ...context, catalog, work, provider, account, today, knownOutput, signal };
}
