import { describe, expect, it } from 'vitest';
import { fillPlaces, hasPlaces } from '../../../src/tasks/render/places.ts';

const input = {
  name: 'Ada',
  'full name': 'Ada Lovelace',
  order: { id: 17, lines: [{ sku: 'x' }] },
  'a.b': 'dotted',
  zero: 0,
  no: false,
  blank: '',
  list: ['a', 1],
  nothing: null,
  place: '{{name}}',
};

describe('a place is filled', () => {
  const rows: [text: string, filled: string][] = [
    ['Hi {{name}}!', 'Hi Ada!'],
    ['{{ name }}{{\tname}}', 'AdaAda'],
    ['{{full name}}', 'Ada Lovelace'],
    ['{{order.id}}', '17'],
    ['{{order.lines.0.sku}}', 'x'],
    ['{{order}}', '{"id":17,"lines":[{"sku":"x"}]}'],
    ['{{a.b}}', 'dotted'],
    ['{{zero}} {{no}} [{{blank}}]', '0 false []'],
    ['{{list}}', '["a",1]'],
    ['{{place}}', '{{name}}'],
    ['{{ }} {{name}}', '{{ }} Ada'],
    ['{name} {{}} {{{name}}} }}', '{name} {{}} {Ada} }}'],
  ];
  it.each(rows)('%s', (text, filled) => {
    expect(fillPlaces(text, input, 'prompt')).toEqual({ text: filled, problems: [] });
  });

  it('with what a replacement pattern would change', () => {
    expect(fillPlaces('{{a}}', { a: "$& $1 $' $$" }, 'prompt').text).toBe("$& $1 $' $$");
  });
});

it('is looked for in a time that does not grow with the square of the blanks', () => {
  const text = `{{name${' '.repeat(1_000_000)}`;
  expect(hasPlaces(text)).toBe(false);
  expect(fillPlaces(text, input, 'prompt').text).toBe(text);
});

describe('a place that nothing fills', () => {
  it.each([
    'other',
    'nothing',
    'order.name',
    'order.id.x',
    'name.length',
    'constructor',
    '__proto__',
    'list.5',
  ])('%s', (name) => {
    const { text, problems } = fillPlaces(`a {{${name}}} b`, input, 'prompt');
    expect(text).toBe(`a {{${name}}} b`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ field: 'prompt', valid: expect.stringContaining('name, full name') });
    expect(problems[0]?.problem).toContain(`{{${name}}}`);
  });

  it('is named each by each, without the values', () => {
    const { problems } = fillPlaces('{{x}} {{name}} {{y}}', { name: 'SECRET' }, 'system');
    expect(problems.map(({ problem }) => problem.match(/{{.}}/)?.[0])).toEqual(['{{x}}', '{{y}}']);
    expect(JSON.stringify(problems)).not.toContain('SECRET');
  });
});

it.each([
  ['{{a}}', true],
  ['x {{ a.b }}', true],
  ['{a}', false],
  ['{{}}', false],
  ['{{ }}', false],
  ['', false],
])('%s has places: %s', (text, has) => {
  expect(hasPlaces(text)).toBe(has);
});
