import { expect, test } from 'vitest';
import { oncePerView } from '../../../src/answers/view/passes.ts';
import type { View } from '../../../src/answers/view/view.ts';

const viewOf = (content: object): View => ({
  count: 0,
  parts: '1',
  content,
  partOf: () => undefined,
  expect: {},
  outcome: () => 'succeeded',
  lines: async () => [],
  lineLength: () => 0,
  failures: async function* () {},
  answers: async () => [],
  answeredRows: async () => [],
  tasks: async function* () {},
});

test('what is made of a view is made once for all openings of it, and anew for another', async () => {
  let made = 0;
  const make = oncePerView(async () => {
    made += 1;
    return made;
  });
  const content = {};
  expect(await Promise.all([make(viewOf(content)), make(viewOf(content))])).toEqual([1, 1]);
  expect(await make(viewOf(content))).toBe(1);
  expect(await make(viewOf({}))).toBe(2);
});

test('what could not be made is tried again', async () => {
  let broken = true;
  const make = oncePerView(async () => {
    if (broken) throw new Error('the disk is away');
    return 'made';
  });
  const view = viewOf({});
  await expect(make(view)).rejects.toThrow('away');
  broken = false;
  expect(await make(view)).toBe('made');
});
