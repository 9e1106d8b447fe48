import { describe, expect, it } from 'vitest';
import { exactNumber } from '../../../src/lib/exact-json.ts';
import { checksInVain } from '../../../src/tasks/examine/max-columns.ts';
import type { Task } from '../../../src/tasks/task.ts';

const schema = {
  type: 'object',
  properties: { texts: { type: 'array', items: { type: 'string', 'x-max-column': 'limit' } } },
};
const row = (limit: unknown): Task => ({
  kind: 'row',
  task_id: 'a',
  row: { number: 1, place: 'row 1', task_id: 'a', cells: { limit } },
});
const task = (input_data: Record<string, unknown>): Task => ({ kind: 'task', task_id: 'a', input_data });
const said = (of: Task, shared = {}) => checksInVain(of, { input_data: shared }, { schema });

describe('x-max-column', () => {
  it.each<[what: string, of: Task, shared?: object]>([
    ['a number', row(10)],
    ['a number as a text', row(' 10 ')],
    ['a number with all of its digits', row(exactNumber('99999999999999999999'))],
    ['an empty cell, which sets no limit', row('')],
    ['null', row(null)],
    ['a key of its own', task({ limit: '12' })],
    ['a shared key', task({}), { limit: 12 }],
  ])('by %s: nothing is said', (_what, of, shared) => {
    expect(said(of, shared)).toEqual([]);
  });

  it.each<[what: string, of: Task, why: string]>([
    ['a word', row('ten'), '"limit" holds no number'],
    ['a unit', row('10 characters'), '"limit" holds no number'],
    ['a list', row([10]), '"limit" holds no number'],
    ['a word of its own', task({ limit: 'ten' }), '"limit" holds no number'],
    [
      'a key that is mistyped',
      task({ limt: 5 }),
      '"limit" is not a key of input_data (did you mean "limt"?)',
    ],
  ])('by %s: no length is checked, and that is said', (_what, of, why) => {
    expect(said(of)).toEqual([`x-max-column: ${why}: answers may have any length there`]);
  });
});
