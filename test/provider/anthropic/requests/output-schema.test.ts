import { describe, expect, it } from 'vitest';
import { prepareOutputSchema } from '../../../../src/provider/anthropic/requests/output-schema.ts';

const object = { type: 'object', properties: { a: { type: 'string' } } };
const closed = { ...object, additionalProperties: false };

describe('prepareOutputSchema', () => {
  const rows: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ['the root', object, closed],
    ['an object told by its properties', { properties: {} }, { properties: {}, additionalProperties: false }],
    ['a property', { ...object, properties: { a: object } }, { ...closed, properties: { a: closed } }],
    [
      'a property named like a keyword',
      { ...object, properties: { items: object, properties: object } },
      { ...closed, properties: { items: closed, properties: closed } },
    ],
    [
      'items',
      { ...object, properties: { a: { type: 'array', items: object } } },
      { ...closed, properties: { a: { type: 'array', items: closed } } },
    ],
    [
      'nullable objects',
      { ...object, properties: { a: { ...object, type: ['object', 'null'] } } },
      { ...closed, properties: { a: { ...closed, type: ['object', 'null'] } } },
    ],
    ['alternatives', { anyOf: [object, { type: 'null' }] }, { anyOf: [closed, { type: 'null' }] }],
    [
      'allOf and oneOf',
      { ...object, properties: { a: { allOf: [object] }, b: { oneOf: [object] } } },
      { ...closed, properties: { a: { allOf: [closed] }, b: { oneOf: [closed] } } },
    ],
    ['$defs', { $ref: '#/$defs/x', $defs: { x: object } }, { $ref: '#/$defs/x', $defs: { x: closed } }],
    ['definitions', { ...object, definitions: { x: object } }, { ...closed, definitions: { x: closed } }],
    [
      'but no data',
      { ...object, properties: { a: { enum: [object], default: object } } },
      { ...closed, properties: { a: { enum: [object], default: object } } },
    ],
    [
      'nor a schema that is true',
      { ...object, properties: { a: true } },
      { ...closed, properties: { a: true } },
    ],
    ['nor what is closed', closed, closed],
  ];
  it.each(rows)('closes %s', (_, given, expected) => {
    const before = structuredClone(given);
    expect(prepareOutputSchema(given)).toEqual({ schema: expected, problems: [] });
    expect(given).toEqual(before);
  });

  it.each([
    ['an empty one', {}, 'output_schema'],
    ['a list', { type: 'array', items: object }, 'output_schema.type'],
    ['a text', { type: 'string' }, 'output_schema.type'],
    ['an open object', { ...object, additionalProperties: true }, 'output_schema.additionalProperties'],
    [
      'a map within',
      { ...object, properties: { a: { type: 'object', additionalProperties: object } } },
      'output_schema.properties.a.additionalProperties',
    ],
  ])('refuses %s', (_, schema, field) => {
    const { problems } = prepareOutputSchema(schema);
    expect(problems.map((problem) => problem.field)).toEqual([field]);
    expect(problems[0]?.valid).toBeTruthy();
  });
});
