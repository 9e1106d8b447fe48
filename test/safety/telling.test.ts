import { expect, it } from 'vitest';
import { builtServer, temporaryFolder } from '../harness.ts';
import { runTelling } from './telling-run.ts';

it('tells each end once, whoever sees it, and tells it again where the teller was killed half way', async () => {
  const folder = await temporaryFolder();
  const report = await runTelling({
    server: builtServer,
    folder,
    batches: 6,
    processes: 3,
    killEvery: 3,
    kills: 2,
  });
  expect(report.problems).toEqual([]);
  expect(report.told).toBe(6);
  expect(report.kills).toBe(2);
});
