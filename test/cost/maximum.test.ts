import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { follow } from '../api.ts';
import { startServer } from '../harness.ts';
import { tried } from '../long.ts';

function pdf(pages: number): string {
  const body = Array.from({ length: pages }, (_, index) => `${index + 3} 0 obj\n<< /Type /Page >>\nendobj`);
  return Buffer.from(`%PDF-1.7\n${body.join('\n')}\n%%EOF`).toString('base64');
}

function png(side: number): string {
  const header = Buffer.alloc(33);
  Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').copy(header);
  header.writeUInt32BE(side, 16);
  header.writeUInt32BE(side, 20);
  return Buffer.concat([header, deflateSync(Buffer.alloc(side)), Buffer.from('IEND')]).toString('base64');
}

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 2_000 }).map((each) => `x${each}`);
const block = fc.oneof(
  text.map((each) => ({ type: 'text', text: each })),
  fc.integer({ min: 1, max: 20 }).map((pages) => ({
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: pdf(pages) },
  })),
  fc.integer({ min: 1, max: 4_000 }).map((side) => ({
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: png(side) },
  })),
  text.map((data) => ({ type: 'document', source: { type: 'text', media_type: 'text/plain', data } })),
);
const tool = fc.record({ name: fc.constantFrom('f', 'g', 'h'), description: text }).map((each) => ({
  ...each,
  input_schema: { type: 'object', properties: { a: { type: 'string' } } },
}));

const native = fc
  .record({
    model: fc.constantFrom('claude-haiku-5-5', 'claude-opus-4-8', 'claude-haiku-4-5', 'claude-opus-5'),
    max_tokens: fc.integer({ min: 1, max: 3_000 }),
    content: fc.array(block, { minLength: 1, maxLength: 4 }),
    system: fc.option(text, { nil: undefined }),
    tools: fc.uniqueArray(tool, { maxLength: 3, selector: ({ name }) => name }),
    isForced: fc.boolean(),
    disablesThinking: fc.boolean(),
    effort: fc.constantFrom(undefined, 'low', 'high'),
  })
  .map(({ content, system, tools, isForced, disablesThinking, effort, ...params }) => ({
    ...params,
    messages: [{ role: 'user', content: [...content, { type: 'text', text: 'Go on.' }] }],
    ...(system && { system }),
    ...(tools.length > 0 && { tools, ...(isForced && { tool_choice: { type: 'any' } }) }),
    ...(disablesThinking && { thinking: { type: 'disabled' } }),
    ...(effort && !params.model.endsWith('4-5') && { output_config: { effort } }),
  }));

const own = fc.record({
  prompt: text,
  model_tier: fc.constantFrom('cheap', 'capable', 'premium'),
  max_tokens: fc.integer({ min: 1, max: 3_000 }),
});

describe('the maximum of an estimate', () => {
  tried('is what submitting goes by, and never below what it costs in the end', 40, async (numRuns) => {
    const server = await startServer({ env: { BATCH_MCP_PROVIDER: 'sandbox' } });
    const work = fc.array(fc.oneof(native, own), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(work, async (tasks) => {
        const requests = tasks.map((task, index) =>
          'messages' in task ? { custom_id: `t${index}`, params: task } : { task_id: `t${index}`, ...task },
        );
        const estimate = await server.ok('estimate_cost', { requests });
        const limit = estimate.cost_usd.maximum;
        const batch = await server.ok('submit_batch', { requests, max_cost_usd: limit, force_new: true });
        expect(batch.cost_usd).toMatchObject({ expected: estimate.cost_usd.expected, maximum: limit });
        const { cost_usd } = await follow(server, String(batch.batch_id));
        expect(cost_usd.actual).toBeGreaterThan(0);
        expect(cost_usd.actual).toBeLessThanOrEqual(limit);
      }),
      { numRuns },
    );
  });
});
