import { expect, it } from 'vitest';
import { loadSchemaCompiler } from '../../../src/lib/schema/json-schema.ts';
import { prepareOutputSchema } from '../../../src/provider/anthropic/requests/output-schema.ts';
import { sampleOfSchema } from '../../../src/provider/sandbox/schema-sample.ts';

const compile = await loadSchemaCompiler();

/** Properties as callers write them, with what structured output takes, and what it does not. */
const properties: [what: string, schema: object][] = [
  ['a score', { type: 'integer', minimum: 1, maximum: 10 }],
  ['a score, described', { type: 'integer', description: 'From {1: bad} to ten.', minimum: 1, maximum: 10 }],
  ['a probability', { type: 'number', minimum: 0, maximum: 1 }],
  ['a probability that is none', { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }],
  ['a number below 0', { type: 'number', maximum: -5 }],
  ['an integer above', { type: 'integer', exclusiveMinimum: 5 }],
  ['an integer between', { type: 'integer', exclusiveMinimum: 5, exclusiveMaximum: 7 }],
  ['a price', { type: 'number', minimum: 0.01, multipleOf: 0.01 }],
  ['a multiple of 5', { type: 'integer', minimum: 3, maximum: 17, multipleOf: 5 }],
  ['one number', { type: 'integer', minimum: 4, maximum: 4 }],
  ['a short text', { type: 'string', maxLength: 5 }],
  ['a long text', { type: 'string', minLength: 200 }],
  ['a text of a length', { type: 'string', minLength: 3, maxLength: 3 }],
  ['a list of three', { type: 'array', items: { type: 'string', maxLength: 30 }, minItems: 3, maxItems: 3 }],
  ['an empty list', { type: 'array', items: { type: 'string' }, maxItems: 0 }],
  ['different numbers', { type: 'array', items: { type: 'string' }, minItems: 2, uniqueItems: true }],
  ['a pair', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer', minimum: 5 }] }],
  ['a choice of objects', { enum: [{ a: 1 }, { a: 2 }] }],
  ['one of two', { oneOf: [{ type: 'integer', minimum: 5 }, { type: 'null' }] }],
  ['what a reference names', { $ref: '#/$defs/size', description: 'Its size.' }],
  ['null too', { type: ['integer', 'null'], minimum: 3 }],
  [
    'an object of its own',
    { type: 'object', properties: { a: { type: 'integer', minimum: 9 } }, minProperties: 1 },
  ],
];

it.each(properties)('the made-up answer keeps to %s', (_, property) => {
  const schema = {
    type: 'object',
    properties: { value: property },
    required: ['value'],
    additionalProperties: false,
    $defs: { size: { type: 'integer', minimum: 40, maximum: 41 } },
  };
  const compiled = compile(schema);
  if ('problem' in compiled) throw new Error(compiled.problem);
  const sent = prepareOutputSchema(schema).schema;
  for (let seed = 0; seed < 50; seed += 1) {
    const made = sampleOfSchema(sent, `task_${seed}`);
    expect([made, compiled.check(made)]).toEqual([made, null]);
  }
});
