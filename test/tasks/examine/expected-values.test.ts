import { describe, expect, it } from 'vitest';
import { exactNumber } from '../../../src/lib/exact-json.ts';
import { unreachable } from '../../../src/tasks/examine/expected-values.ts';

const schemaOf = (values?: unknown[]) => ({
  type: 'object',
  properties: { label: values === undefined ? { type: 'string' } : { enum: values } },
});

const said = (value: unknown, schema: Parameters<typeof unreachable>[2], awaited?: true) =>
  unreachable(
    { label: 'cat' },
    {
      kind: 'row',
      task_id: 'a',
      row: {
        number: 1,
        place: 'row 1',
        task_id: 'a',
        cells: { cat: value },
        ...(awaited && { awaited: { kind: 'own', answers: 1 } }),
      },
    },
    schema,
  );

describe('a row expects what can be answered', () => {
  it.each<[value: unknown, values: unknown[]]>([
    ['refund', ['refund', 'lost']],
    [' refund\t', ['refund']],
    ['caf\u00e9', ['cafe\u0301']],
    ['1.0', [1, 2]],
    [exactNumber('2'), ['2']],
    ['TRUE', [true, false]],
    ['', ['refund']],
    [null, ['refund']],
    [undefined, ['refund']],
  ])('%j of %j', (value, values) => {
    expect(said(value, schemaOf(values))).toEqual([]);
  });
});

describe('a row expects what no answer can be', () => {
  it.each<[value: unknown, values: unknown[]]>([
    ['Refund', ['refund', 'lost']],
    ['other', ['refund']],
    ['1.5', [1, 2]],
    ['yes', [true, false]],
  ])('%j of %j', (value, values) => {
    const schema = schemaOf(values);
    expect(said(value, schema)).toEqual([expect.stringContaining('column "cat" holds is none of the')]);
    // Once more, as of the next row.
    expect(said(value, schema)).toHaveLength(1);
  });
});

it('where any answer is allowed, or the row is not there yet, nothing is said', () => {
  expect(said('x', schemaOf())).toEqual([]);
  expect(said('x', undefined)).toEqual([]);
  expect(said('x', { type: 'object', properties: { toString: {} } })).toEqual([]);
  expect(said('x', schemaOf(['y']), true)).toEqual([]);
});
