import { spawn } from 'node:child_process';
import { median, type Row, ratio, time } from './measure.ts';
import { builtServer } from './product.ts';

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

/** From the start of the process to the end of `tools/list`, seen from outside. */
async function untilTools(folder: string): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [builtServer], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH, HOME: folder, BATCH_MCP_DATA_DIR: `${folder}/data` },
  });
  child.stdin.write(input);
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.includes('"id":2')) break;
  }
  const ms = performance.now() - start;
  child.kill('SIGKILL');
  return ms;
}

async function bare(): Promise<number> {
  const start = performance.now();
  await new Promise((resolve) => spawn(process.execPath, ['-e', '0']).once('close', resolve));
  return performance.now() - start;
}

export async function measureStart(folder: string, repeats: number): Promise<Row[]> {
  const ours: number[] = [];
  const reference: number[] = [];
  for (let i = 0; i < repeats * 3; i += 1) {
    reference.push(await bare());
    ours.push(await untilTools(folder));
  }
  const times = median(ours) / median(reference);
  return [
    {
      what: 'start to `tools/list`',
      reference: `\`node -e 0\`: ${time(median(reference))}`,
      measured: `${time(median(ours))} (${ratio(times)})`,
      bar: 'at most 2.5 ×',
      met: times <= 2.5,
      stretch: `1.8 ×: ${times <= 1.8 ? 'met' : 'not met'}`,
    },
  ];
}
