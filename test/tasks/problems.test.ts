import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BatchError, renderError } from '../../src/errors.ts';
import { withoutNulls } from '../../src/lib/json.ts';
import { createProblemList, ofSettings } from '../../src/tasks/problem-list.ts';
import { problemsOf } from '../../src/tasks/problems.ts';

const schema = z.strictObject({
  id: z.string().min(1).max(5).optional(),
  count: z.int().min(1).max(9).optional(),
  share: z.number().gt(0).lt(1).optional(),
  tier: z.enum(['low', 'high']).optional(),
  list: z.array(z.string()).min(1).max(2).optional(),
  several: z.array(z.string()).min(2).optional(),
  input: z.record(z.string(), z.unknown()).optional(),
  inner: z.strictObject({ max_tokens: z.number() }).optional(),
  name: z.string().regex(/^a/, { error: 'a word that starts with a' }).optional(),
});
const keys = [...Object.keys(schema.shape), 'max_tokens'];

/** What is said of a value, as `field: problem | valid`. */
function said(value: unknown): string[] {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) throw new Error('the value was taken');
  return problemsOf(parsed.error, keys).map(({ field, problem, valid }) => `${field}: ${problem} | ${valid}`);
}

describe('a wrong value is told in words', () => {
  const rows: [value: object, problem: string][] = [
    [{ id: '' }, 'id: is empty | a string that is not empty'],
    [{ id: 'abcdef' }, 'id: is too long | at most 5 characters'],
    [{ id: 5 }, 'id: is a number | a string'],
    [{ id: null }, 'id: is null | a string'],
    [{ count: 0 }, 'count: is too small | at least 1'],
    [{ count: 10 }, 'count: is too large | at most 9'],
    [{ count: 1.5 }, 'count: is not a whole number | a whole number'],
    [{ count: '5' }, 'count: is a string | a number'],
    [{ count: true }, 'count: is a boolean | a number'],
    [{ share: 0 }, 'share: is too small | more than 0'],
    [{ share: 1 }, 'share: is too large | less than 1'],
    [{ tier: 'High' }, 'tier: is not one of the values allowed (did you mean "high"?) | low, high'],
    [{ list: [] }, 'list: is empty | at least one entry'],
    [{ list: ['a', 'b', 'c'] }, 'list: has too many entries | at most 2 entries'],
    [{ several: ['a'] }, 'several: has too few entries | at least 2 entries'],
    [{ list: ['a', 5] }, 'list[1]: is a number | a string'],
    [{ list: { 0: 'a' } }, 'list: is an object | a list'],
    [{ list: 'a, b' }, 'list: is a string | a list'],
    [{ list: '["a"]' }, 'list: is a string | a list itself, not its JSON as a string'],
    [{ input: [] }, 'input: is a list | an object'],
    [{ input: ' {"a": 1}' }, 'input: is a string | an object itself, not its JSON as a string'],
    [{ inner: {} }, 'inner.max_tokens: is missing | a number'],
    [{ name: 'b' }, 'name: is not valid | a word that starts with a'],
    [
      { inner: { max_tokens: 1, maxTokens: 1 } },
      'inner.maxTokens: unknown key (did you mean "max_tokens"?) | undefined',
    ],
    [{ zebra: 1 }, `zebra: unknown key | ${keys.join(', ')}`],
    [{ 'not a name': 1 }, `(a key of 10 characters): unknown key | ${keys.join(', ')}`],
  ];
  it.each(rows)('%j', (value, problem) => {
    expect(said(value)).toEqual([problem]);
  });

  it('all of it at once', () => {
    expect(said({ id: '', count: 0, list: [5, 6], zebra: 1 })).toHaveLength(5);
  });

  it('under the name of its item', () => {
    const parsed = schema.safeParse(5, { reportInput: true });
    const problems = parsed.success ? [] : problemsOf(parsed.error, keys, 'line 3');
    expect(problems).toEqual([{ item: 'line 3', problem: 'is a number', valid: 'an object' }]);
  });
});

describe('a list of problems', () => {
  it('says nothing while there is none', () => {
    expect(createProblemList().throwIfAny('Refused.')).toBeUndefined();
  });

  it('names the first twenty and counts all', () => {
    const list = createProblemList();
    for (let index = 0; index < 1000; index += 1) list.add({ item: `line ${index}`, problem: 'is wrong' });
    expect(list.count).toBe(1000);
    let text = '';
    try {
      list.throwIfAny('Refused.');
    } catch (error) {
      if (error instanceof BatchError) text = renderError(error);
    }
    const lines = text.split('\n');
    expect(lines).toHaveLength(22);
    expect(lines[1]).toBe('- line 0: is wrong');
    expect(lines.at(-1)).toBe('- and 980 more of these (1000 in all)');
  });

  it('tells once what a shared setting does to many tasks', () => {
    const list = createProblemList();
    const problem = 'is more than the model can answer';
    const tooLong = { field: 'max_tokens', problem };
    for (let index = 0; index < 30; index += 1) list.add(ofSettings({ ...tooLong, item: `row ${index}` }));
    list.add(ofSettings({ item: 'row 4', field: 'effort', problem: 'is none' }));
    list.add({ item: 'row 5', field: 'prompt', problem: 'is empty' });
    expect(() => list.throwIfAny('Refused.')).toThrow(
      expect.objectContaining({
        problemCount: 3,
        problems: [
          { ...tooLong, problem: `${problem} (30 tasks)` },
          { item: 'row 4', field: 'effort', problem: 'is none' },
          { item: 'row 5', field: 'prompt', problem: 'is empty' },
        ],
      }),
    );
  });

  it('tells what is wrong with a field for all in place of what it lacks in each', () => {
    const list = createProblemList();
    for (let index = 0; index < 30; index += 1)
      list.add({ item: `row ${index}`, field: 'prompt', problem: 'is empty' });
    list.addUnnamed(
      new Map([
        ['prompt', 70],
        ['task_id', 2],
      ]),
    );
    list.add({ item: 'row 40', field: 'task_id', problem: 'is that of row 3' });
    expect(list.count).toBe(103);
    list.addShared({ field: 'prompt', problem: 'the place {{txet}} names no column' });
    expect(list.count).toBe(4);
    expect(() => list.throwIfAny('Refused.')).toThrow(
      expect.objectContaining({
        problemCount: 4,
        problems: [
          { field: 'prompt', problem: 'the place {{txet}} names no column' },
          { item: 'row 40', field: 'task_id', problem: 'is that of row 3' },
        ],
      }),
    );
  });
});

it('drops nulls of one level', () => {
  expect(withoutNulls({ a: null, b: 0, c: { d: null }, e: undefined })).toEqual({
    b: 0,
    c: { d: null },
    e: undefined,
  });
});
