import path from 'node:path';
import { expect, test } from 'vitest';
import { bundleForTests } from '../bundle.ts';
import { temporaryFolder } from '../harness.ts';
import { postgresForTests } from './postgres-server.ts';
import { runTeamSoak } from './soak-run.ts';

const database = postgresForTests();
const replica = bundleForTests(path.join(import.meta.dirname, 'http-replica.ts'));

/** 500 in `npm run test:team:long`. */
const batches = Number(process.env.TEAM_BATCHES ?? 50);

test(`${batches} batches over four replicas and HTTP with faults, a bucket that fails, kills, freezes and a database that is killed: each is paid once`, {
  timeout: 5_400_000,
}, async () => {
  const report = await runTeamSoak({
    database,
    script: replica.path,
    folder: await temporaryFolder(),
    batches,
    replicas: 4,
    clients: 8,
    faults: 10,
    troubleEveryMs: 1_500,
  });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  expect(report.problems).toEqual([]);
  expect(report.paidTasks).toBe(report.tasks);
});
