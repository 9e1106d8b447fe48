import { describe, expect, it } from 'vitest';
import { readCursor, writeCursor } from '../../../src/answers/page/cursor.ts';

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

it.each([0, 1, 99_999])('comes back as it went: %i', (next) => {
  expect(readCursor(writeCursor('list:äö', next), 'list:äö')).toBe(next);
});

it('can be put into an address and a shell', () => {
  expect(writeCursor('batch:?>~:', 1)).toMatch(/^[\w-]+$/);
});

describe('is refused', () => {
  const rows: [what: string, cursor: string, says: string][] = [
    ['of something else', writeCursor('b', 1), 'for another batch, other filters, or older results'],
    ['empty', '', 'not one that this server gave'],
    ['made up', 'page-2', 'not one that this server gave'],
    ['cut', writeCursor('a', 1).slice(0, -4), 'not one that this server gave'],
    ['a number', encoded(5), 'not one that this server gave'],
    ['below zero', encoded({ of: 'a', next: -1 }), 'not one that this server gave'],
    ['a fraction', encoded({ of: 'a', next: 0.5 }), 'not one that this server gave'],
    ['with more in it', encoded({ of: 'a', next: 1, x: 1 }), 'not one that this server gave'],
  ];
  it.each(rows)('%s', (_, cursor, says) => {
    let thrown: unknown;
    try {
      readCursor(cursor, 'a');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'invalid_input',
      problems: [{ field: 'cursor', problem: `is ${says}`, valid: expect.stringContaining('next_cursor') }],
    });
  });
});
