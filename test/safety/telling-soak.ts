import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { runTelling } from './telling-run.ts';

/** 200 batches, 4 processes that look at all of them, and kills: `npm run soak:telling`. Ends with code 1 where one was told twice, or never. */
const folder = await mkdtemp(path.join(os.tmpdir(), 'batch-mcp-telling-'));
const server = path.resolve(import.meta.dirname, '../../dist/server.js');
const began = Date.now();
const { problems, ...figures } = await runTelling({
  server,
  folder,
  batches: 200,
  processes: 4,
  killEvery: 7,
  kills: 40,
});
await rm(folder, { recursive: true });
process.stdout.write(
  `${JSON.stringify({ seconds: Math.round((Date.now() - began) / 1000), ...figures })}\n${problems.join('\n')}\n`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
