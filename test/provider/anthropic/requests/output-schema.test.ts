import { transformJSONSchema } from '@anthropic-ai/sdk/lib/transform-json-schema';
import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../../../../src/lib/exact-json.ts';
import type { JsonObject } from '../../../../src/lib/json.ts';
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
  describe.each(['x-in-inputs', 'x_in_input', 'xMaxColumn'])(
    'a keyword of ours that is mistyped: %s',
    (keyword) => {
      const quote = { type: 'string', [keyword]: true };
      it.each<[where: string, schema: object, at: string]>([
        ['in a property', { properties: { q: quote } }, 'output_schema.properties.q'],
        ['in a list', { properties: { q: { items: quote } } }, 'output_schema.properties.q.items'],
        ['in a definition', { ...object, $defs: { q: quote } }, 'output_schema.$defs.q'],
      ])('%s', (_where, schema, at) => {
        const { problems } = prepareOutputSchema({ type: 'object', ...schema });
        expect(problems).toMatchObject([{ field: `${at}.${keyword}` }]);
        expect(problems[0]?.problem).toMatch(/did you mean "x-(in-input|max-column)"/);
      });
    },
  );

  it('says where a keyword of ours is about no text', () => {
    const schemaOf = (type: unknown) => ({ type: 'object', properties: { n: { type, 'x-in-input': true } } });
    const said =
      'output_schema.properties.n.x-in-input asks for nothing: it is about texts, and this is not one';
    for (const type of ['number', 'integer', ['boolean', 'null']])
      expect(prepareOutputSchema(schemaOf(type)).warnings).toContain(said);
    for (const type of ['string', 'array', ['string', 'null'], undefined])
      expect(prepareOutputSchema(schemaOf(type)).warnings).not.toContain(said);
  });

  const has = (a: object, more: object = {}) => ({ ...object, properties: { a }, ...more });

  it.each<[what: string, given: object, sent: object]>([
    ['a text', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
    ['a text that may not', { type: 'string', nullable: false }, { type: 'string' }],
    [
      'a choice',
      { enum: ['x'], nullable: true, description: 'd' },
      { anyOf: [{ enum: ['x'], description: 'd' }, { type: 'null' }] },
    ],
    ['an object', { ...object, nullable: true }, { anyOf: [closed, { type: 'null' }] }],
  ])('says of %s in the words of JSON Schema that it may be null', (_what, given, sent) => {
    const { schema, warnings } = prepareOutputSchema(has(given, { nullable: true }));
    expect(schema).toEqual({ type: 'object', properties: { a: sent }, additionalProperties: false });
    expect(warnings).toEqual([]);
  });

  it.each<[what: string, given: JsonObject, at: string]>([
    ['as the answer', { type: 'object' }, 'output_schema names'],
    ['in a property', has({ type: 'object' }), 'output_schema.properties.a names'],
    [
      'in a list',
      has({ type: 'array', items: { type: ['object', 'null'] } }),
      'output_schema.properties.a.items',
    ],
  ])('says that an object without keys of its own can only be empty: %s', (_what, given, at) => {
    expect(prepareOutputSchema(given).warnings).toEqual([expect.stringContaining(at)]);
  });

  it.each<[what: string, given: JsonObject]>([
    ['one that names none', { properties: {} }],
    ['one that is meant to be', has({ type: 'object', additionalProperties: false })],
    ['one put together', { ...has({ type: 'object', allOf: [object] }), required: ['a'] }],
    [
      'one that refers elsewhere',
      { type: 'object', required: ['a'], $ref: '#/$defs/b', $defs: { b: object } },
    ],
    ['a reference to a place in a list', has({ $ref: '#/allOf/0' }, { allOf: [object] })],
    [
      'a reference with signs that are escaped',
      has({ $ref: '#/$defs/x%20y~1z' }, { $defs: { 'x y/z': object } }),
    ],
    ['a key called as a method', { type: 'object', properties: { toString: {} }, required: ['toString'] }],
  ])('takes %s', (_what, given) => {
    const { warnings, problems } = prepareOutputSchema(given);
    expect({ warnings, problems }).toEqual({ warnings: [], problems: [] });
  });

  it('takes properties that are called as keywords of ours', () => {
    const properties = { 'x-in-input': { type: 'number' }, 'x-in-inputs': { type: 'string' } };
    expect(prepareOutputSchema({ type: 'object', properties })).toMatchObject({ warnings: [], problems: [] });
  });

  it.each(rows)('closes %s', (_, given, expected) => {
    const before = structuredClone(given);
    expect(prepareOutputSchema(given)).toMatchObject({ asked: expected, problems: [] });
    expect(given).toEqual(before);
  });

  describe('says in descriptions what the API does not take', () => {
    const a = (schema: object) => ({
      type: 'object',
      properties: { a: schema },
      additionalProperties: false,
    });
    const rows: [what: string, given: object, sent: object, named?: string][] = [
      [
        'bounds of a number',
        { type: 'integer', minimum: 1, maximum: 10 },
        { type: 'integer', description: '{minimum: 1, maximum: 10}' },
        'properties.a.minimum, properties.a.maximum',
      ],
      [
        'what was described before',
        { type: 'string', description: 'A name.', maxLength: 20 },
        { type: 'string', description: 'A name.\n\n{maxLength: 20}' },
      ],
      [
        'exclusive bounds, and steps as they were written',
        { type: 'number', exclusiveMinimum: 0, multipleOf: new ExactNumber('0.10') },
        { type: 'number', description: '{exclusiveMinimum: 0, multipleOf: 0.10}' },
      ],
      [
        'a pattern that looks ahead',
        { type: 'string', pattern: '^(?=.*a)\\w+$' },
        { type: 'string', description: '{pattern: "^(?=.*a)\\\\w+$"}' },
        'properties.a.pattern',
      ],
      [
        'a pattern with a back reference',
        { type: 'string', pattern: '(a)\\1' },
        { type: 'string', description: '{pattern: "(a)\\\\1"}' },
      ],
      [
        'a format of its own',
        { type: 'string', format: 'iban' },
        { type: 'string', description: '{format: "iban"}' },
      ],
      [
        'lists of a length',
        {
          type: 'array',
          items: { type: 'string', minLength: 2 },
          minItems: 2,
          maxItems: 5,
          uniqueItems: true,
        },
        {
          type: 'array',
          items: { type: 'string', description: '{minLength: 2}' },
          description: '{minItems: 2, maxItems: 5, uniqueItems: true}',
        },
        'properties.a.items.minLength',
      ],
      ['oneOf', { oneOf: [{ type: 'string' }] }, { anyOf: [{ type: 'string' }] }, 'properties.a.oneOf'],
      [
        'choices that are objects',
        { type: 'array', items: { enum: [[1], { b: 2 }] } },
        { type: 'array', items: { description: '{enum: [[1],{"b":2}]}' } },
      ],
      [
        'conditions',
        { type: 'string', not: { const: 'x' } },
        { type: 'string', description: '{not: {"const":"x"}}' },
      ],
      [
        'examples and what is unknown',
        { type: 'string', examples: ['x'], 'x-order': 1 },
        { type: 'string', description: '{examples: ["x"], x-order: 1}' },
      ],
      [
        'what stands beside a reference',
        { $ref: '#/$defs/n', description: 'Its size.' },
        { anyOf: [{ $ref: '#/$defs/n' }], description: 'Its size.' },
      ],
      [
        'an object within, closed too',
        { type: 'object', properties: { b: { type: 'number', minimum: 0 } }, minProperties: 1 },
        {
          type: 'object',
          properties: { b: { type: 'number', description: '{minimum: 0}' } },
          additionalProperties: false,
          description: '{minProperties: 1}',
        },
      ],
    ];
    it.each(rows)('%s', (_, given, sent, named = '') => {
      const { schema, warnings, problems } = prepareOutputSchema(a(given));
      expect(problems).toEqual([]);
      expect(schema).toEqual(a(sent));
      if ('$ref' in given) expect(warnings).toEqual([]);
      else expect(warnings).toEqual([expect.stringContaining(named)]);
    });

    it.each<[string, object]>([
      ['a pattern', { type: 'string', pattern: '^[A-Z]{2}-\\d+$' }],
      ['a format', { type: 'string', format: 'date' }],
      ['one entry at least', { type: 'array', items: { type: 'string' }, minItems: 1 }],
      ['a choice', { type: 'string', enum: ['a', 'b'], default: 'a', title: 'A' }],
      ['a number as it was written', { const: new ExactNumber('1.0') }],
    ])('but nothing of %s', (_, given) => {
      const { schema, warnings } = prepareOutputSchema(a(given));
      expect(schema).toEqual(a(given));
      expect(warnings).toEqual([]);
    });

    it('and leaves out which draft it is of', () => {
      const $schema = 'https://json-schema.org/draft/2020-12/schema';
      expect(prepareOutputSchema({ $schema, ...closed })).toMatchObject({ schema: closed, warnings: [] });
    });

    it('as the SDK does', () => {
      const given = a({
        type: 'array',
        description: 'Scores.',
        minItems: 3,
        items: { type: 'integer', minimum: 1, maximum: 10 },
      });
      expect(prepareOutputSchema(given).schema).toEqual(transformJSONSchema(structuredClone(given)));
    });
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
    [
      'one that stands in itself',
      { ...object, properties: { child: { $ref: '#' } } },
      'output_schema.properties.child.$ref',
    ],
    [
      'one that is elsewhere',
      { ...object, properties: { a: { $ref: 'other.json' } } },
      'output_schema.properties.a.$ref',
    ],
  ])('refuses %s', (_, schema, field) => {
    const { problems } = prepareOutputSchema(schema);
    expect(problems.map((problem) => problem.field)).toEqual([field]);
    expect(problems[0]?.valid).toMatch(/^\w.*\w/);
  });

  it.each<object>([
    { type: 'json_schema', schema: object },
    { type: 'json_schema', json_schema: { name: 'x', strict: true, schema: object } },
    { name: 'x', strict: true, schema: object },
  ])('refuses what stands around a schema, by name: %j', (given) => {
    const [problem] = prepareOutputSchema({ ...given }).problems;
    expect(problem).toMatchObject({
      field: 'output_schema',
      problem: expect.stringContaining('output format'),
    });
  });
});
