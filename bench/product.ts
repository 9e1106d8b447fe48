import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { z } from 'zod';
import { environment } from './environment.ts';
import { peakMegabytes } from './memory.ts';

/** Another build can be named, so that two can be measured in turns. */
export const builtServer = process.env.BENCH_SERVER ?? path.resolve(import.meta.dirname, '../dist/server.js');

const answer = z.looseObject({
  isError: z.boolean().optional(),
  content: z.array(z.looseObject({ text: z.string() })),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
});

export type Called = { reply: Record<string, unknown>; text: string; ms: number };

/** The built server in a process of its own, behind a real client. */
export type Product = {
  call(name: string, args: Record<string, unknown>): Promise<Called>;
  /** A message that asks for nothing but an answer; how long that took. */
  ping(): Promise<number>;
  /** The longest that any call took so far. */
  longestMs(): number;
  peakMegabytes(): number | null;
  close(): Promise<void>;
};

const THOUGHT_MS = 1_000;

export type ProductOptions = { folder: string; apiUrl: string; env?: Record<string, string> };

export async function startProduct({ folder, apiUrl, env }: ProductOptions): Promise<Product> {
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [builtServer],
    cwd: work,
    env: {
      ...environment(folder),
      ANTHROPIC_BASE_URL: apiUrl,
      BATCH_MCP_DATA_DIR: path.join(folder, 'data'),
      BATCH_MCP_MAX_COST_USD: '1000000',
      BATCH_MCP_DAILY_BUDGET_USD: '1000000000',
      BATCH_MCP_LOG_LEVEL: 'warn',
      ...env,
    },
  });
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(transport);
  // Every client asks for the tools as it starts, and calls one when its model has thought.
  await client.listTools();
  await sleep(THOUGHT_MS);
  const pid = transport.pid ?? 0;
  let longest = 0;
  return {
    async call(name, args) {
      const start = performance.now();
      const result = answer.parse(
        await client.callTool({ name, arguments: args }, undefined, { timeout: 600_000 }),
      );
      const ms = performance.now() - start;
      longest = Math.max(longest, ms);
      const text = result.content.map((block) => block.text).join('\n');
      if (result.isError) throw new Error(`${name}: ${text}`);
      return { reply: result.structuredContent ?? {}, text, ms };
    },
    async ping() {
      const start = performance.now();
      await client.ping();
      return performance.now() - start;
    },
    longestMs: () => longest,
    peakMegabytes: () => peakMegabytes(pid),
    close: () => client.close(),
  };
}

/** Asks for a batch's status until `done` says so; how long that took from the first call on. */
export async function follow(
  product: Product,
  batchId: string,
  done: (reply: Record<string, unknown>) => boolean,
): Promise<number> {
  const start = performance.now();
  for (;;) {
    const { reply } = await product.call('batch_status', { batch_id: batchId, wait_seconds: 20 });
    if (done(reply)) return performance.now() - start;
  }
}

const BETWEEN_LOOKS_MS = 50;

/** Looks until the batch is with the API; how long that took. A look that waits would bring the results home as well. */
export async function untilSent(product: Product, batchId: string): Promise<number> {
  const start = performance.now();
  for (;;) {
    const { reply } = await product.call('batch_status', { batch_id: batchId, wait_seconds: 0 });
    if (reply.processing_status !== 'submitting') return performance.now() - start;
    await sleep(BETWEEN_LOOKS_MS);
  }
}

/** Waits for a file that a call was answered before; how long that took. */
export async function untilThere(file: string): Promise<number> {
  const start = performance.now();
  while (!existsSync(file)) await sleep(BETWEEN_LOOKS_MS);
  return performance.now() - start;
}
