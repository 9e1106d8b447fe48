import { expect, it } from 'vitest';
import { startServer } from '../harness.ts';

const document = 'A clause of the contract. '.repeat(1_000);

const work = (count: number, system: unknown) => ({
  requests: Array.from({ length: count }, (_, n) => ({
    custom_id: `q-${n}`,
    params: {
      model: 'claude-haiku-5-5',
      max_tokens: 100,
      system,
      messages: [{ role: 'user', content: `Question ${n}` }],
    },
  })),
});

async function advice(count: number, system: unknown): Promise<string> {
  const server = await startServer({ argv: ['--sandbox'] });
  return (await server.ok('estimate_cost', work(count, system))).advice.join(' ');
}

it('many requests that each pay for the same document are told to pack or to cache it', async () => {
  expect(await advice(12, document)).toMatch(
    /12 requests begin with the same long text.*Pack.*cache_control/s,
  );
});

it.each([
  ['too few of them', 9, document],
  ['a short text', 12, 'You are terse.'],
  [
    'one that is marked already',
    12,
    [{ type: 'text', text: document, cache_control: { type: 'ephemeral' } }],
  ],
])('%s: no such advice', async (_name, count, system) => {
  expect(await advice(count, system)).not.toMatch(/begin with the same long text/);
});
