import { expect, test } from 'vitest';
import { anthropicDialect } from '../../src/provider/anthropic/dialect.ts';
import { blanked } from '../../src/sending/open-body.ts';

const { requests } = anthropicDialect;
const { cacheMark } = requests;
const block = { type: 'text', text: `say ${cacheMark} \\"` };
const marked = { ...block, cache_control: { type: 'ephemeral', ttl: '1h' } };
const paramsOf = (content: object[]) => ({
  model: 'm',
  max_tokens: 9,
  messages: [{ role: 'user', content }],
});
const body = Buffer.from(requests.encode('a', paramsOf([marked, marked, block])));

async function* cut(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('marks are blanked out wherever the pieces are cut, and nothing else is', async () => {
  for (let size = 1; size <= body.length; size += 1) {
    const pieces: Uint8Array[] = [];
    for await (const piece of blanked(cut(body, size), cacheMark)) pieces.push(piece);
    const sent = Buffer.concat(pieces);
    expect(sent.length).toBe(body.length);
    expect(requests.decode(sent.toString())).toEqual({ id: 'a', params: paramsOf([block, block, block]) });
  }
  expect(body.toString()).toContain(cacheMark);
});
