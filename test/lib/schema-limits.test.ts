import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/lib/json.ts';
import { loadSchemaCompiler } from '../../src/lib/schema/json-schema.ts';
import { endedBatch, follow, ids, prompts, startApi, startCheckedServer } from '../api.ts';
import { succeeded } from '../api-server.ts';
import { eachNth } from '../long.ts';

/** One within the other, as often as that. */
function nested(times: number, around: (inner: JsonObject) => JsonObject): JsonObject {
  return Array.from({ length: times }).reduce<JsonObject>(around, { type: 'string' });
}

const inObject = (inner: JsonObject): JsonObject => ({ type: 'object', properties: { a: inner } });
const inList = (inner: JsonObject): JsonObject => ({ type: 'array', items: inner });

/** Each definition names the next one twice. */
function doubling(times: number): JsonObject {
  const next = (index: number) => ({ $ref: `#/$defs/d${index + 1}` });
  const defs = Array.from({ length: times }, (_, index): [string, JsonObject] => [
    `d${index}`,
    { anyOf: [next(index), next(index)] },
  ]);
  return {
    type: 'object',
    properties: { a: { $ref: '#/$defs/d0' } },
    $defs: { ...Object.fromEntries(defs), [`d${times}`]: { type: 'string' } },
  };
}

const many = (count: number, each: JsonObject): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, each]));

describe('a schema that takes too long to be made into a check, or to check by, is refused at once', () => {
  test.each<[what: string, schema: JsonObject, problem: string]>([
    ['objects in objects', nested(150, inObject), 'is nested more than 200 levels deep'],
    ['lists in lists', nested(300, inList), 'is nested more than 200 levels deep'],
    ['a choice at each level', nested(150, (a) => ({ anyOf: [a, { type: 'null' }] })), 'is nested more than'],
    ['conditions', nested(300, (a) => ({ if: { minimum: 1 }, else: a })), 'is nested more than 200 levels'],
    ['definitions that double', doubling(40), 'holds 4,398,046,511,104 objects'],
    ['a thousand properties', { properties: many(1_000, { type: 'string' }) }, 'holds 1,002 objects'],
    ['many choices', { anyOf: Object.values(many(600, inObject({}))) }, 'holds 1,801 objects'],
  ])('%s', async (_what, schema, problem) => {
    const compile = await loadSchemaCompiler();
    expect(compile(schema)).toMatchObject({
      problem: expect.stringContaining(problem),
      valid: 'a schema of at most 1,000 objects, at most 200 levels deep',
    });
  });

  test.each<[what: string, schema: JsonObject]>([
    ['that refers to itself', { properties: { a: { $ref: '#' }, n: { type: 'null' } } }],
    ['with as many properties', { properties: many(990, { type: 'string' }) }],
    ['as deep', nested(95, inObject)],
    ['with long choices', { properties: { a: { enum: Array.from({ length: 50_000 }, (_, n) => `v${n}`) } } }],
    ['whose definitions nobody names', { type: 'object', $defs: many(5_000, { type: 'string' }) }],
    ['with long examples', { type: 'object', examples: [many(5_000, {})] }],
  ])('but not one %s', async (_what, schema) => {
    const made = (await loadSchemaCompiler())(schema);
    expect('check' in made && made.check({})).toBe(null);
  });

  test('in a submission too, with the field', async () => {
    const api = await startApi();
    const server = await startCheckedServer({ api });
    const said = await server.fails('submit_batch', {
      requests: ['Hi'],
      output_schema: nested(120, inObject),
    });
    expect(said).toMatch(/output_schema.*nested more than 200 levels deep.*at most 1,000 objects/);
    expect(api.creates).toEqual([]);
  });
});

describe('an answer that a schema could be held against for minutes', () => {
  eachNth<[what: string, schema: JsonObject, answer: unknown, why: RegExp]>(3, [
    ['by repeats within repeats', { pattern: '^(a+)+$' }, `${'a'.repeat(60)}!`, /pattern "\^\(a\+\)\+\$"/],
    ['by choices within repeats', { pattern: '^(a|a)*$' }, `${'a'.repeat(60)}!`, /takes too long/],
    ['by three repeats', { pattern: 'a*a*a*b' }, 'a'.repeat(50_000), /takes too long/],
    ['by one repeat that begins anew', { pattern: 'a+b' }, 'a'.repeat(900_000), /takes too long/],
    [
      'by the name of a key',
      { patternProperties: { '^(a+)+$': {} } },
      { [`${'a'.repeat(60)}!`]: 1 },
      /too long/,
    ],
    ['under a choice', { anyOf: [{ pattern: '(x+x+)+y' }, {}] }, 'x'.repeat(60), /takes too long/],
    ['by a format', { format: 'url' }, `http://${'::'.repeat(50_000)} `, /takes too long/],
    ['by what it must not match', { not: { pattern: '^(a+)+$' } }, `${'a'.repeat(60)}!`, /takes too long/],
    ['by what leads to itself', { $anchor: 'a', anyOf: [{ $ref: '#a' }] }, 1, /to itself without end/],
  ])('%s is not, and is not called wrong', async (_what, schema, answer, unchecked) => {
    const made = (await loadSchemaCompiler())({ type: 'object', properties: { a: schema } });
    const begun = performance.now();
    expect('check' in made && made.check({ a: answer })).toEqual({
      unchecked: expect.stringMatching(unchecked),
    });
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  test.each<[what: string, schema: JsonObject, answer: unknown, why: string | null]>([
    ['right by the same pattern', { pattern: '^(a+)+$' }, 'a'.repeat(60), null],
    ['wrong at once', { pattern: '^(a+)+$' }, `b${'a'.repeat(60)}`, '/a must match pattern "^(a+)+$"'],
    [
      'wrong whatever the pattern says',
      { pattern: '^(a+)+$', maxLength: 9 },
      `${'a'.repeat(60)}!`,
      '/a must NOT have more than 9 characters',
    ],
    ['that need not match', { not: { pattern: '^(a+)+$' } }, `b${'a'.repeat(60)}`, null],
    ['a long address', { format: 'url' }, `https://example.com/${'a/'.repeat(100)}`, null],
    [
      'a list of ten thousand',
      { uniqueItems: true },
      Array.from({ length: 10_000 }, (_, n) => ({ n })),
      null,
    ],
    ['a list with one twice', { uniqueItems: true }, [{ a: 1 }, { a: 2 }, { a: 1 }], '/a has an item twice'],
  ])('is checked all the same where it is %s', async (_what, schema, answer, why) => {
    const made = (await loadSchemaCompiler())({ type: 'object', properties: { a: schema } });
    expect('check' in made && made.check({ a: answer })).toEqual(why === null ? null : { wrong: why });
  });

  test('leaves a server free for others, and the rest of the answers as they are', async () => {
    const text = (a: string) => JSON.stringify({ a });
    const pattern = '^(a+)+$';
    const { server, batch_id } = await endedBatch(
      prompts(ids(6)).map((task) => ({
        ...task,
        output_schema: { type: 'object', properties: { a: { type: 'string', pattern } } },
      })),
      (sent) => sent.map((each, n) => succeeded(each, text('a'.repeat(60) + (n === 3 ? '!' : '')))),
    );
    await follow(server, batch_id);
    const { totals, error_digest, warnings } = await server.ok('get_results', { batch_id });
    expect(totals).toMatchObject({ succeeded: 6, incomplete: 0 });
    expect(error_digest).toEqual([]);
    expect(warnings.join(' ')).toMatch(
      /1 answer \(to task 4 in the order given\) could not be checked .* takes too long .* counts as succeeded: look at it before use/,
    );
    expect(await server.fails('retry_batch', { batch_id })).toContain('Nothing was sent');
  });
});

describe('what only OpenAPI, an older draft or the validator knows', () => {
  const has = (a: JsonObject, more: JsonObject = {}): JsonObject => ({
    type: 'object',
    properties: { a },
    ...more,
  });

  test.each<[what: string, schema: JsonObject, right: unknown, wrong: unknown]>([
    ['a promise in place of a finding', has({ type: 'string' }, { $async: true }), 'x', 5],
    ['a promise within', has({ $async: true, type: 'string' }), 'x', 5],
    ['an id of draft 4', has({ id: '#a', type: 'string' }, { id: 'http://example.com/a' }), 'x', 5],
    [
      'a property called id',
      has({ type: 'object', properties: { id: { type: 'string' } } }),
      { id: 'x' },
      { id: 5 },
    ],
    ['null', has({ type: 'string', nullable: true }), null, 5],
    ['no null', has({ type: ['string', 'null'], nullable: false }), null, 5],
    ['null of a choice', has({ type: 'string', enum: ['x'], nullable: true }), null, 'y'],
    ['null of a choice without a type', has({ enum: ['x', null], nullable: true }), null, 'y'],
    ['null of alternatives', has({ anyOf: [{ type: 'string' }], nullable: true }), null, 5],
    [
      'null of a reference',
      has({ $ref: '#/$defs/b', nullable: true }, { $defs: { b: { type: 'string' } } }),
      null,
      5,
    ],
  ])('is taken for what it means: %s', async (_what, schema, right, wrong) => {
    const made = (await loadSchemaCompiler())(schema);
    if (!('check' in made)) throw new Error(made.problem);
    expect(made.check({ a: right })).toBeNull();
    expect(made.check({ a: wrong })).toMatchObject({ wrong: expect.stringContaining('/a') });
  });
});
