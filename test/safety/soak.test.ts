import { expect, it } from 'vitest';
import { temporaryFolder } from '../harness.ts';
import { givenSeed } from './chance.ts';
import { runSoak } from './soak-run.ts';

it('loses nothing and pays nothing twice under faults and kills, in small', {
  timeout: 300_000,
}, async () => {
  const folder = await temporaryFolder();
  const report = await runSoak({
    folder,
    batches: 50,
    processes: 4,
    faults: 5,
    killEveryMs: 1_000,
    seed: givenSeed(),
  });
  expect(report.problems).toEqual([]);
  expect(report.paidTasks).toBe(report.tasks);
  expect(report.kills).toBeGreaterThan(0);
});
