import { expect, it, onTestFinished } from 'vitest';
import { follow, isSaved, startApi } from '../api.ts';
import { bundleForTests } from '../bundle.ts';
import { spawnServer, startServer, temporaryFolder } from '../harness.ts';
import { crashStarter, env, work } from './left.ts';

const starter = bundleForTests(crashStarter);

/** When a send is given up, in milliseconds. */
const limits = { answerMs: 1_000, busyMs: 0 };

it.skipIf(process.platform === 'win32')(
  'a process that stands still after its intent sends nothing when it goes on past its deadline',
  async () => {
    const api = await startApi({ endsAtOnce: true });
    const folder = await temporaryFolder();
    const stopped = await spawnServer({
      starter: starter.path,
      folder,
      api,
      env: {
        ...env,
        CRASH_AT: 'record.update:after:1',
        CRASH_WITH: 'SIGSTOP',
        LIMITS: JSON.stringify(limits),
      },
    });
    onTestFinished(() => void process.kill(stopped.pid, 'SIGCONT'));
    const submission = stopped.ok('submit_batch', work);
    const later = await startServer({ folder, api, env, now: () => new Date(Date.now() + 600_000) });
    const listed = async () => (await later.ok('list_batches')).batches[0];
    await expect.poll(async () => (await listed())?.processing_status).toBe('submitting');
    const { batch_id } = await listed();
    // It was given up by another's clock, and sent anew.
    await follow(later, batch_id, isSaved);
    const begun = performance.now();
    await expect.poll(() => performance.now() - begun, { timeout: 5_000 }).toBeGreaterThan(limits.answerMs);

    process.kill(stopped.pid, 'SIGCONT');
    expect(await submission).toMatchObject({ batch_id, processing_status: 'ended' });
    expect(api.creates).toHaveLength(1);
  },
);
