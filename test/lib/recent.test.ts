import { expect, test } from 'vitest';
import { createRecent } from '../../src/lib/recent.ts';

/** Gets values by their keys, and tells which had to be made. */
function counted(size: number) {
  const recent = createRecent<string>(size);
  const made: string[] = [];
  const get = (key: string) =>
    recent.get(key, async () => {
      made.push(key);
      return key.toUpperCase();
    });
  return { get, made };
}

test('makes each once', async () => {
  const { get, made } = counted(2);
  expect(await Promise.all([get('a'), get('a'), get('b')])).toEqual(['A', 'A', 'B']);
  expect(await get('a')).toBe('A');
  expect(made).toEqual(['a', 'b']);
});

test('gives up the one that was not asked for the longest', async () => {
  const { get, made } = counted(2);
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await get(key);
  expect(made).toEqual(['a', 'b', 'c', 'b']);
});

test('keeps no failure', async () => {
  const recent = createRecent<string>(2);
  await expect(recent.get('a', () => Promise.reject(new Error('not there')))).rejects.toThrow('not there');
  expect(await recent.get('a', async () => 'there')).toBe('there');
});
