import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { givenSeed } from './chance.ts';
import { runSoak } from './soak-run.ts';

/**
 * The soak, by hand: `npm run soak -- --batches 1000 --processes 4 --faults 10 --kill-every-ms 3000`, with
 * `SEED=7` for the same chances. Ends with code 1 where anything was lost, doubled or paid twice, and then leaves its folder to be
 * looked at.
 */
const { values } = parseArgs({
  options: {
    batches: { type: 'string', default: '1000' },
    processes: { type: 'string', default: '4' },
    faults: { type: 'string', default: '10' },
    'kill-every-ms': { type: 'string', default: '3000' },
  },
});

const seed = givenSeed();
const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-soak-'));
const began = Date.now();
const report = await runSoak({
  folder,
  batches: Number(values.batches),
  processes: Number(values.processes),
  faults: Number(values.faults),
  killEveryMs: Number(values['kill-every-ms']),
  seed,
  onDone: (done) => {
    if (done % 25 === 0) process.stdout.write(`${done} batches done\n`);
  },
});
const { problems, ...figures } = report;
const seconds = Math.round((Date.now() - began) / 1000);
process.stdout.write(`${JSON.stringify({ seed, batches: Number(values.batches), seconds, ...figures })}\n`);
if (problems.length === 0) {
  await rm(folder, { recursive: true });
  process.stdout.write('Every task has exactly one answer, and none was paid twice.\n');
} else {
  process.stdout.write(`${problems.join('\n')}\nSee ${folder}\n`);
  process.exitCode = 1;
}
