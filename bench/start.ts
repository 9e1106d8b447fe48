import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { z } from 'zod';
import { environment } from './environment.ts';
import { median, type Row, ratio, reached, times } from './measure.ts';
import { builtServer } from './product.ts';

/** A start is short, so more of them are measured. */
const TIMES_AS_MANY = 3;

const frames = [
  {
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
  },
  { method: 'notifications/initialized' },
  { id: 2, method: 'tools/list' },
];
const input = frames.map((frame) => `${JSON.stringify({ jsonrpc: '2.0', ...frame })}\n`).join('');

const listed = z.object({ id: z.literal(2), result: z.object({ tools: z.array(z.unknown()) }) });

/** Starts a process, asks for its tools and lets it end, as a client does. The time is seen from outside. */
export async function untilTools(
  args: string[],
  folder: string,
  command = process.execPath,
): Promise<{ ms: number; reply: string }> {
  const start = performance.now();
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...environment(folder), BATCH_MCP_DATA_DIR: path.join(folder, 'data') },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.stdin.write(input);
  let text = '';
  let ms = 0;
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (!text.includes('"id":2')) continue;
    ms = performance.now() - start;
    // Node keeps what it has compiled when a process ends by itself.
    child.stdin.end();
  }
  await ended;
  return { ms, reply: text.split('\n')[1] ?? '' };
}

/** The SDK's server alone, bundled as the product is, with the product's tools. */
async function buildReference(folder: string): Promise<string[]> {
  const { reply } = await untilTools([builtServer], folder);
  const tools = path.join(folder, 'tools.json');
  await writeFile(tools, JSON.stringify(listed.parse(JSON.parse(reply)).result));
  const outfile = path.join(folder, 'bare-server.mjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, 'bare-server.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    minify: true,
  });
  return [outfile, tools];
}

/** From the start of the process to the end of `tools/list`. */
export async function measureStart(folder: string, repeats: number): Promise<Row[]> {
  const bare = await buildReference(folder);
  const ours: number[] = [];
  const reference: number[] = [];
  for (let i = 0; i < repeats * TIMES_AS_MANY; i += 1) {
    reference.push((await untilTools(bare, folder)).ms);
    ours.push((await untilTools([builtServer], folder)).ms);
  }
  const slower = median(ours) / median(reference);
  return [
    {
      what: 'start to `tools/list`',
      reference: `the SDK's server alone, bundled, with the same tools: ${times(reference)}`,
      measured: `${times(ours)} (${ratio(slower)})`,
      bar: 'at most 1.7 ×',
      met: slower <= 1.7,
      stretch: reached('1.3 ×', slower <= 1.3),
    },
  ];
}
