/** Runs the tests, then lint and types, also where a test failed: one run tells all that is to be mended. */

import { spawnSync } from 'node:child_process';

const steps = ['vitest run', 'npm run --silent check'];
const failed = steps.filter((step) => spawnSync(step, { stdio: 'inherit', shell: true }).status !== 0);
for (const step of failed) process.stderr.write(`failed: ${step}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
