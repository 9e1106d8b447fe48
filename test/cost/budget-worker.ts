import { reserveBudget } from '../../src/cost/budget.ts';
import { BatchError } from '../../src/errors.ts';
import { commitBatch, openContext, prepared } from './budget-setting.ts';

/**
 * Commits a batch of its own and reserves its maximum, says on stdout what came of it, and stays alive with
 * what it holds until stdin ends. Started by tests, and killed by some.
 */
const [folder = '', budget = '', maximum = ''] = process.argv.slice(2);
const context = await openContext(folder, Number(budget));
const record = await commitBatch(context, Number(maximum), [prepared]);
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
try {
  await reserveBudget(context, record);
  process.stdout.write(`reserved ${record.batch_id}\n`);
} catch (error) {
  if (!(error instanceof BatchError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
