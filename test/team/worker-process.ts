import { readConfig } from '../../src/config/config.ts';
import { createContext } from '../../src/config/create-context.ts';
import { startWorker } from '../../src/operations/worker/worker.ts';

/** A worker by itself, impatient, that says which batches it looks at. Ends on SIGTERM as a server does. */
const config = readConfig({ env: process.env, argv: [], cwd: process.cwd() });
const context = await createContext(config, () => {}, { limits: { leaseMs: 3_000, longestPauseMs: 500 } });
const worker = startWorker(context, {
  onLook: ({ batches }) => {
    for (const { batch_id, processing_status } of batches)
      process.stdout.write(`${batch_id} ${processing_status}\n`);
  },
});
async function end(): Promise<void> {
  await worker.stop();
  await context.close();
  process.exit(0);
}
process.once('SIGTERM', () => void end());
